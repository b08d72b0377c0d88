package jose

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Headers remembers decoded headers by their text: every token of one key has
// the same. It holds what was decoded, never a key or a verdict, for two
// issuers may send the same text. The zero value is ready for use, nil
// remembers nothing, and all methods are safe for concurrent use.
type Headers struct {
	known atomic.Pointer[map[string]Header] // replaced, never written to
	mu    sync.Mutex                        // for replacing it
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

// Admit remembers the header of t. It is for tokens whose signature was good:
// others could fill the memory with junk.
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
		maps.Copy(next, *known) // else begin anew: the keys of last year are in it
	}
	// Copies: they must not keep the token that they were a part of.
	header := t.Header
	header.KeyID, header.Type = strings.Clone(header.KeyID), strings.Clone(header.Type)
	next[strings.Clone(t.header)] = header
	h.known.Store(&next)
}
