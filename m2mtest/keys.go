package m2mtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// keyRing holds the published keys, the oldest first, and the one that signs.
type keyRing struct {
	mu        sync.Mutex
	published []publishedKey
	signer    *Key // remains after it is removed from published
	first     string
	fetches   int
	store     Store  // nil for none
	use       string // of the published keys
}

type publishedKey struct {
	key *Key
	jwk json.RawMessage
}

// publish adds a key, and makes it the one that signs if sign is true.
func (r *keyRing) publish(k *Key, sign bool) {
	public := k.JWK()
	public["use"] = r.use
	jwk, err := json.Marshal(public)
	if err != nil {
		panic("m2mtest: " + err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = append(r.published, publishedKey{k, jwk})
	if r.first == "" {
		r.first = k.Algorithm
	}
	if sign {
		r.signer = k
	}
	r.save()
}

func (r *keyRing) signWith(kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range slices.Backward(r.published) {
		if p.key.ID == kid {
			r.signer = p.key
			r.save()
			return true
		}
	}
	return false
}

func (r *keyRing) remove(kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.published)
	r.published = slices.DeleteFunc(r.published, func(p publishedKey) bool { return p.key.ID == kid })
	r.save()
	return len(r.published) < before
}

func (r *keyRing) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, len(r.published))
	for i, p := range r.published {
		ids[i] = p.key.ID
	}
	return ids
}

func (r *keyRing) jwks() []json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	jwks := make([]json.RawMessage, len(r.published))
	for i, p := range r.published {
		jwks[i] = p.jwk
	}
	return jwks
}

func (r *keyRing) current() *Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.signer
}

func (r *keyRing) firstAlgorithm() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}

func (r *keyRing) fetched() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetches++
}

func (r *keyRing) fetchCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetches
}

// PublishKey adds a key to the key set without signing with it, as a careful
// rotation begins. [Authority.SignWith] completes it. Two keys may have one ID.
func (a *Authority) PublishKey(k *Key) { a.keys.publish(k, false) }

// SignWith makes a published key sign new tokens. It panics if no published key
// has that ID. To sign with an unpublished key, set [TokenSpec].Key.
func (a *Authority) SignWith(kid string) {
	if !a.keys.signWith(kid) {
		panic(fmt.Sprintf("m2mtest: SignWith(%q): no published key has that ID: publish it with PublishKey first", kid))
	}
}

// RotateKeys publishes a new key of the same algorithm, signs with it from then
// on, and returns its ID. The old keys stay published.
func (a *Authority) RotateKeys() (kid string) {
	k := a.newKey(a.keys.current().Algorithm)
	a.keys.publish(k, true)
	return k.ID
}

// newKey returns a key whose ID names the project's environment, as at Stytch.
func (a *Authority) newKey(alg string) *Key {
	k := NewKey(alg)
	k.ID = "jwk-" + a.environment() + "-" + newUUID()
	return k
}

// RemoveKey removes a key from the key set. If the key signs tokens, it
// continues to: tests need tokens of removed keys. It panics if no published
// key has that ID.
func (a *Authority) RemoveKey(kid string) {
	if !a.keys.remove(kid) {
		panic(fmt.Sprintf("m2mtest: RemoveKey(%q): no published key has that ID: Keys() lists them", kid))
	}
}

// Keys returns the IDs of the published keys, the oldest first.
func (a *Authority) Keys() []string { return a.keys.ids() }

// keySet returns the key set document and its entity tag.
func (a *Authority) keySet() (body []byte, etag string) {
	set := stytchwire.KeySet{
		Keys:     a.keys.jwks(),
		Response: stytchwire.Response{StatusCode: 200, RequestID: a.newRequestID()},
	}
	digest := sha256.New()
	for _, jwk := range set.Keys {
		digest.Write(jwk)
	}
	body, err := json.Marshal(set)
	if err != nil {
		panic("m2mtest: " + err.Error())
	}
	// A weak tag (RFC 9110 §8.8.1): the request_id differs in each response.
	return body, `W/"` + encode(digest.Sum(nil)) + `"`
}

// serveKeys serves the key set with a lifetime of five minutes.
func (a *Authority) serveKeys(w http.ResponseWriter, r *http.Request) {
	if project := r.PathValue("project_id"); project != "" && project != a.projectID {
		a.writeError(w, &apiError{404, stytchwire.TypeProjectNotFound, "The project could not be found."})
		return
	}
	body, etag := a.keySet()
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "public, max-age=300")
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// matches compares entity tags weakly (RFC 9110 §8.8.3.2, §13.1.2).
func matches(ifNoneMatch []string, etag string) bool {
	for _, value := range ifNoneMatch {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
	}
	return false
}
