package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// KeySetOptions are the optional parts of a [KeySet]. The zero value is
// every default.
type KeySetOptions struct {
	// BaseURL is where Stytch's API is, if it is not where the project ID says:
	// a custom domain, or a local authority. It is https, or on loopback.
	BaseURL string

	// B2B says that the project is one of Stytch's B2B projects, whose keys are
	// published at another path.
	B2B bool

	// Transport makes the requests to Stytch: if nil, one like
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout is how long Stytch may take: 10 s if zero.
	Timeout time.Duration

	// MaxAge is how long a copy serves before Stytch is asked again, and how
	// long callers may keep it: 5 min if zero. A new key is published a month
	// before the old one leaves.
	MaxAge time.Duration

	// MaxStale is how long a copy serves while Stytch can't be asked: 24 h if
	// zero.
	MaxStale time.Duration
}

// NewKeySet makes the KeySet of a project. opts may be nil. It does no I/O, and
// reports all mistakes at once.
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
		contradiction = fmt.Errorf("MaxStale is %v, and MaxAge %v: write a MaxStale that is longer", h.maxStale, h.maxAge)
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

const (
	maxKeySet      = 1 << 20
	keySetCooldown = 5 * time.Second // between a failed fetch and the next
)

// KeySet serves a copy of a project's JWK Set (RFC 7517 §5) at the SaaS's own
// URL. The copy holds Stytch's keys and nothing else of its document. Keys with
// private members are left out.
//
// A request that finds the copy older than MaxAge fetches a new one, one request
// at a time. While Stytch is down the last copy serves. Without a copy the answer
// is 503 with Retry-After. A KeySet is safe for concurrent use and has no
// goroutines. Its zero value answers every request with 503.
type KeySet struct {
	project          string
	url              string
	http             *http.Client
	timeout          time.Duration
	maxAge, maxStale time.Duration
	fetching         slots // taken while a fetch is under way

	mu       sync.Mutex
	copied   keySetCopy // no body before the first fetch
	cooldown time.Time  // no fetch before then
}

type keySetCopy struct {
	body []byte
	etag string
	kids []string
	at   time.Time
}

func (h *KeySet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
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
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set.body)) // If-None-Match too
}

// current returns a copy that may be served. If a fetch is due, one request makes
// it. The others wait for it only if there is no copy.
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
	if set, usable, due = h.look(); !due { // another request was faster
		return set, usable
	}
	h.renew(ctx, h.timeout, false)
	set, usable, _ = h.look()
	return set, usable
}

// learn fetches the set if no key of the copy has the ID. It returns once the
// copy has the key, or after about two seconds.
func (h *KeySet) learn(ctx context.Context, kid string) {
	if h.http == nil || !h.lacks(kid) || h.fetching.take(ctx) != nil {
		return
	}
	defer h.fetching.release()
	if h.lacks(kid) { // still, after others' fetches
		h.renew(ctx, min(h.timeout, longestQueue), true)
	}
}

// lacks reports whether a fetch may bring a key that the copy has not.
func (h *KeySet) lacks(kid string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return kid != "" && !slices.Contains(h.copied.kids, kid) && !time.Now().Before(h.cooldown)
}

// renew fetches the set. The caller holds the slot. The fetch doesn't end with
// ctx, the request that needs it first: others are served by it.
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

func (h *KeySet) fetch(ctx context.Context, pastCaches bool) (set keySetCopy, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the transport panicked with a %T", p)
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return set, err
	}
	if pastCaches { // RFC 9111 §5.2.1.4
		req.Header.Set("Cache-Control", "no-cache")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := h.http.Do(req)
	if err != nil {
		return set, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	switch {
	case err != nil:
		return set, err
	case res.StatusCode != http.StatusOK || len(body) > maxKeySet:
		return set, fmt.Errorf("HTTP status %d, %d bytes", res.StatusCode, len(body))
	}
	return publicKeys(string(body))
}

// publicKeys returns a copy with the public keys of doc, as they stand there.
func publicKeys(doc string) (set keySetCopy, err error) {
	parsed, err := strictjson.Parse(doc, strictjson.Limits{Depth: 8, Members: 4096}, nil)
	if err != nil {
		return set, err
	}
	value, _ := parsed.Get("keys")
	keys, ok := value.Array()
	kept := []json.RawMessage{}
	for _, key := range keys {
		if members, isObject := key.Object(); isObject && !isPrivate(members) {
			kept = append(kept, json.RawMessage(strings.Clone(key.JSON())))
			if kid := text(members, "kid"); kid != "" {
				set.kids = append(set.kids, strings.Clone(kid))
			}
		}
	}
	if !ok || len(kept) == 0 {
		return set, errors.New("the document holds no public key")
	}
	set.body, err = json.Marshal(map[string]any{"keys": kept})
	digest := sha256.Sum256(set.body)
	set.etag = `"` + base64.RawURLEncoding.EncodeToString(digest[:16]) + `"`
	set.at = time.Now()
	return set, err
}

// isPrivate looks for the private members of RFC 7518 §6 and RFC 8037 §2.
func isPrivate(key strictjson.Object) bool {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, present := key.Get(name); present {
			return true
		}
	}
	return false
}
