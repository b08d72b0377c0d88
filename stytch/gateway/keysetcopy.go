package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

const maxKeySet = 1 << 20 // bytes of Stytch's document

// keySetCopy holds the public keys of a JWK Set document.
type keySetCopy struct {
	body []byte // nil in the zero value
	etag string
	kids []string
	at   time.Time
}

// fetch requests the project's key set. With pastCaches, caches on the way must ask
// Stytch.
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
	body, err := outbound.ReadBody(res.Body, maxKeySet)
	switch {
	case err != nil:
		return set, err
	case res.StatusCode != http.StatusOK:
		return set, fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	return publicKeys(string(body))
}

// publicKeys returns a copy with the public keys of a JWK Set document. It does not
// change the keys.
func publicKeys(doc string) (set keySetCopy, err error) {
	parsed, err := strictjson.Parse(doc, strictjson.Limits{Depth: 8, Members: 4096}, nil)
	if err != nil {
		return set, err
	}
	value, _ := parsed.Get("keys")
	keys, ok := value.Array()
	kept := []json.RawMessage{}
	for _, key := range keys {
		if members, isObject := key.Object(); isObject && !slices.ContainsFunc(members, isPrivate) {
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

// isPrivate reports whether the member of a JWK holds a secret.
func isPrivate(m strictjson.Member) bool { return outbound.IsPrivateMember(m.Name) }
