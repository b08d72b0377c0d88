package jose

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Headers caches decoded headers by their text, which is the same for all tokens
// of one key. It caches no keys and no decisions, because two issuers may send
// the same text. The zero value is ready for use, and a nil *Headers caches
// nothing. All methods are safe for concurrent use.
type Headers struct {
	known atomic.Pointer[map[string]Header] // replaced, never changed
	mu    sync.Mutex                        // held while known is replaced
}

const (
	maxHeaders    = 64  // a few issuers with a few keys each
	maxHeaderText = 512 // bytes
)

func (h *Headers) get(text string) (Header, bool) {
	if h == nil {
		return Header{}, false
	}
	known := h.known.Load()
	if known == nil {
		return Header{}, false
	}
	header, ok := (*known)[text]
	return header, ok
}

// Admit caches the header of t. Call it only for tokens whose signature was
// verified, because other tokens could fill the cache with junk.
func (h *Headers) Admit(t Token) {
	if h == nil || t.known || len(t.header) > maxHeaderText {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.get(t.header); ok {
		return // another call was first
	}
	next := map[string]Header{}
	if known := h.known.Load(); known != nil && len(*known) < maxHeaders {
		maps.Copy(next, *known) // else start over: it is full of headers of old keys
	}
	// Clone the texts, or they would keep the whole token in memory.
	header := t.Header
	header.KeyID, header.Type = strings.Clone(header.KeyID), strings.Clone(header.Type)
	next[strings.Clone(t.header)] = header
	h.known.Store(&next)
}
