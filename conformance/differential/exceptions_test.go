package differential

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/m2mtest"
)

// question is what a peer refused and we accepted.
type question struct {
	signer *m2mtest.Key
	keySet string
	token  string
	keyID  string // of the key that we used
}

// exception is a reason for which a peer may refuse what we accept. without
// puts the same question with that reason taken out of it, and signed anew if
// it was in the token: the signature, the issuer, the audience and the times
// are still the peer's to check. It reports false if the reason is not there.
type exception struct {
	why     string
	without func(question) (question, bool)
}

var exceptions = []exception{
	// We drop a bad key with its reason, and keep the others.
	{"one key that it can't read loses the whole set", func(q question) (question, bool) {
		return q.withKey(func(jwk map[string]json.RawMessage) map[string]json.RawMessage { return jwk })
	}},
	// Serializers write null, [] and "" for what a key does not have.
	{"an empty member loses the key", func(q question) (question, bool) {
		return q.withKey(func(jwk map[string]json.RawMessage) map[string]json.RawMessage {
			deleteFunc(jwk, func(_ string, value json.RawMessage) bool {
				return slices.Contains([]string{`null`, `""`, `[]`}, string(value))
			})
			return jwk
		})
	}},
	// Only the members that define a key decide whether it can be used; x5c is
	// the commonest of the others.
	{"a malformed member that is no part of the key loses it", func(q question) (question, bool) {
		return q.withKey(func(jwk map[string]json.RawMessage) map[string]json.RawMessage {
			members := map[string][]string{`"RSA"`: {"n", "e"}, `"EC"`: {"crv", "x", "y"}, `"OKP"`: {"crv", "x"}}
			least := make(map[string]json.RawMessage)
			for _, name := range append(members[string(jwk["kty"])], "kty", "kid", "alg") {
				if v, ok := jwk[name]; ok {
					least[name] = v
				}
			}
			return least
		})
	}},
	// RFC 9864 §2.2 is of 2025.
	{"EdDSA's newer name, Ed25519, is unknown to it", func(q question) (question, bool) {
		return q.withToken(func(header, _ map[string]json.RawMessage) bool {
			known := string(header["alg"]) != `"Ed25519"`
			header["alg"] = json.RawMessage(`"EdDSA"`)
			return !known
		})
	}},
	// A key that comes with the token, or the way to one, is never used, so
	// nothing depends on its form.
	{"a malformed header member that nobody should use", func(q question) (question, bool) {
		return q.withToken(func(header, _ map[string]json.RawMessage) bool {
			return deleteFunc(header, func(name string, _ json.RawMessage) bool {
				return slices.Contains([]string{"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "nonce"}, name)
			})
		})
	}},
	// We keep numbers as they are written, and bound those that we read.
	{"a number beyond float64 in a member that nobody reads", func(q question) (question, bool) {
		return q.withToken(func(header, claims map[string]json.RawMessage) bool {
			beyond := func(name string, value json.RawMessage) bool {
				var v any
				return !slices.Contains([]string{"alg", "kid", "typ", "iss", "aud", "exp", "nbf", "iat"}, name) &&
					json.Unmarshal(value, &v) != nil
			}
			h := deleteFunc(header, beyond)
			return deleteFunc(claims, beyond) || h
		})
	}},
	// JSON has it, and it is 1970.
	{"-0 is no time to it", func(q question) (question, bool) {
		return q.withToken(func(_, claims map[string]json.RawMessage) (found bool) {
			for _, name := range []string{"nbf", "iat"} {
				if strings.HasPrefix(string(claims[name]), "-0") {
					claims[name], found = json.RawMessage("0"), true
				}
			}
			return found
		})
	}},
}

func deleteFunc(m map[string]json.RawMessage, del func(string, json.RawMessage) bool) (found bool) {
	for name, value := range m {
		if del(name, value) {
			delete(m, name)
			found = true
		}
	}
	return found
}

// withKey is q with a key set of nothing but the key that we used, changed.
func (q question) withKey(change func(map[string]json.RawMessage) map[string]json.RawMessage) (question, bool) {
	var doc struct{ Keys []map[string]json.RawMessage }
	parsed, err := jose.ParseKeySet([]byte(q.keySet), jose.Options{})
	header, _, ok := q.parts()
	// encoding/json reads the "keys" that we read only where there is no
	// other spelling of that name.
	if err != nil || !ok || json.Unmarshal([]byte(q.keySet), &doc) != nil {
		return q, false
	}
	kept := parsed.Keys
	for i, jwk := range doc.Keys {
		if slices.ContainsFunc(parsed.Dropped, func(d jose.Dropped) bool { return d.Index == i }) {
			continue
		}
		if len(kept) == 0 {
			return q, false
		}
		key := kept[0]
		kept = kept[1:]
		var name string
		if json.Unmarshal(header["alg"], &name) != nil {
			return q, false
		}
		if algorithm, _ := jose.CanonicalAlgorithm(name); key.ID != q.keyID || key.Algorithm != algorithm {
			continue
		}
		q.keySet = string(must(json.Marshal(map[string]any{"keys": []any{change(jwk)}})))
		return q, true
	}
	return q, false
}

// withToken is q with a changed token.
func (q question) withToken(change func(header, claims map[string]json.RawMessage) (changed bool)) (question, bool) {
	header, claims, ok := q.parts()
	if !ok || !change(header, claims) {
		return q, false
	}
	q.token = sign(q.signer, string(must(json.Marshal(header))), string(must(json.Marshal(claims))))
	return q, true
}

// parts are the header and the claims of the token, as they were signed. We
// accepted it, so names are not doubled.
func (q question) parts() (header, claims map[string]json.RawMessage, ok bool) {
	segments := strings.Split(q.token, ".")
	for i, into := range []*map[string]json.RawMessage{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return nil, nil, false
		}
	}
	return header, claims, true
}
