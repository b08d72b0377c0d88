package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// KeySetOptions are the optional parts of a [KeySet]. The zero value is the default.
type KeySetOptions struct {
	// BaseURL is the base URL of Stytch's API, such as a custom domain or a local
	// authority. It must be https, or http on loopback. If it is "", the project ID
	// determines it.
	BaseURL string

	// B2B selects the key set of a B2B project, which Stytch publishes at another
	// path.
	B2B bool

	// Transport sends the requests to Stytch. If nil, the KeySet uses a copy of
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout limits a request to Stytch: 10 s if zero.
	Timeout time.Duration

	// MaxAge is the age at which the copy is fetched again, and the max-age that
	// clients may cache it for: 5 min if zero.
	MaxAge time.Duration

	// MaxStale is the age up to which the copy is served while Stytch fails: 24 h if
	// zero. It must not be shorter than MaxAge.
	MaxStale time.Duration
}

// NewKeySet returns a KeySet for a project. opts may be nil. It does no I/O. Its error
// reports every mistake in the arguments.
func NewKeySet(projectID string, opts *KeySetOptions) (*KeySet, error) {
	if opts == nil {
		opts = &KeySetOptions{}
	}
	h := &KeySet{
		project:  projectID,
		url:      stytchwire.BaseURL(projectID, opts.BaseURL) + stytchwire.KeysPath(projectID, opts.B2B),
		http:     outbound.NewClient(opts.Transport),
		timeout:  outbound.OrDefault(opts.Timeout, outbound.DefaultTimeout),
		maxAge:   outbound.OrDefault(opts.MaxAge, 5*time.Minute),
		maxStale: outbound.OrDefault(opts.MaxStale, 24*time.Hour),
		fetching: newSlots(1),
	}
	var contradiction error
	if h.maxStale < h.maxAge {
		contradiction = fmt.Errorf("MaxStale is %v, which is shorter than the MaxAge of %v: write a longer MaxStale", h.maxStale, h.maxAge)
	}
	if err := outbound.Mistakes("gateway",
		stytchwire.CheckProjectID(projectID),
		outbound.CheckOrigin("BaseURL", opts.BaseURL),
		outbound.CheckNotNegative("Timeout", opts.Timeout),
		outbound.CheckNotNegative("MaxAge", opts.MaxAge),
		outbound.CheckNotNegative("MaxStale", opts.MaxStale),
		contradiction,
	); err != nil {
		return nil, err
	}
	return h, nil
}

const keySetCooldown = 5 * time.Second // the pause after a failed fetch

// KeySet is an [http.Handler] that serves a copy of a project's JWK Set (RFC 7517 §5)
// at a SaaS's own URL. The copy holds Stytch's public keys and nothing else of its
// document.
//
// The first request fetches the copy, and so does the first request that finds it
// older than MaxAge. Other requests do not wait for that fetch if there is a copy. While
// Stytch fails, the last copy is served for up to MaxStale. Without a copy, requests
// are refused with 503 and Retry-After.
//
// A KeySet is safe for concurrent use and has no goroutines. The zero value refuses
// every request with 503.
type KeySet struct {
	project          string
	url              string
	http             *http.Client
	timeout          time.Duration
	maxAge, maxStale time.Duration
	fetching         slots // taken during a fetch

	mu       sync.Mutex
	copied   keySetCopy // zero before the first fetch
	cooldown time.Time  // the earliest time of the next fetch
}

// ServeHTTP answers a request for the key set.
func (h *KeySet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusedWrite(w, r) {
		return
	}
	set, ok := h.current(r.Context())
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(keySetCooldown/time.Second)))
		http.Error(w, "the keys are unavailable at the moment", http.StatusServiceUnavailable)
		return
	}
	left := max(0, h.maxAge-time.Since(set.at))
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(left/time.Second)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("ETag", set.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set.body)) // handles If-None-Match
}

// current returns a copy that may be served. If a fetch is due, one request makes it,
// and the others wait only if there is no copy.
func (h *KeySet) current(ctx context.Context) (keySetCopy, bool) {
	set, usable, due := h.look()
	if !due || h.http == nil {
		return set, usable
	}
	if usable {
		if !h.fetching.tryTake() {
			return set, true
		}
	} else if h.fetching.take(ctx) != nil {
		return set, false
	}
	defer h.fetching.release()
	if set, usable, due = h.look(); !due { // another request has fetched it
		return set, usable
	}
	h.renew(ctx, h.timeout, false)
	set, usable, _ = h.look()
	return set, usable
}

// learn fetches the set if the copy lacks the key. It returns when the copy has the
// key, or after at most about four seconds.
func (h *KeySet) learn(ctx context.Context, kid string) {
	if h.http == nil || !h.lacks(kid) || h.fetching.take(ctx) != nil {
		return
	}
	defer h.fetching.release()
	if h.lacks(kid) { // another request may have fetched it
		h.renew(ctx, min(h.timeout, longestQueue), true)
	}
}

// lacks reports whether the copy lacks the key and a fetch is permitted.
func (h *KeySet) lacks(kid string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return kid != "" && !slices.Contains(h.copied.kids, kid) && !time.Now().Before(h.cooldown)
}

// renew fetches the set. The caller holds the slot. The fetch continues after ctx
// ends, because it serves other requests too.
func (h *KeySet) renew(ctx context.Context, timeout time.Duration, pastCaches bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	copied, err := h.fetch(ctx, pastCaches)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.copied = copied
	}
	if err != nil || pastCaches {
		h.cooldown = time.Now().Add(keySetCooldown)
	}
}

func (h *KeySet) look() (set keySetCopy, usable, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := time.Since(h.copied.at)
	usable = h.copied.body != nil && age < h.maxStale
	due = (h.copied.body == nil || age >= h.maxAge) && !time.Now().Before(h.cooldown)
	return h.copied, usable, due
}
