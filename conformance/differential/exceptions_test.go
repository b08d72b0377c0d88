package differential

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/m2mtest"
)

// question is a case that a peer refused and we accepted.
type question struct {
	signer *m2mtest.Key
	keySet string
	token  string
	keyID  string // of the key that we used
}

// exception is a reason for which a peer may refuse what we accept. without returns
// the case without that reason, signed again if the token changed, so that the peer
// still checks signature, issuer, audience and times. It returns false if the case
// does not have the reason.
type exception struct {
	why     string
	without func(question) (question, bool)
}

var exceptions = []exception{
	// We drop a bad key with its reason, and keep the others.
	{"one key that it can't read loses the whole set", func(q question) (question, bool) {
		return q.withKey(func(jwk map[string]json.RawMessage) map[string]json.RawMessage { return jwk })
	}},
	// Serializers write null, [] and "" for members that a key lacks.
	{"an empty member loses the key", func(q question) (question, bool) {
		return q.withKey(func(jwk map[string]json.RawMessage) map[string]json.RawMessage {
			deleteFunc(jwk, func(_ string, value json.RawMessage) bool {
				return slices.Contains([]string{`null`, `""`, `[]`}, string(value))
			})
			return jwk
		})
	}},
	// Only the members that define a key decide whether we can use it. x5c is the
	// most common of the others.
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
	// RFC 9864 §2.2 dates from 2025.
	{"EdDSA's newer name, Ed25519, is unknown to it", func(q question) (question, bool) {
		return q.withToken(func(header, _ map[string]json.RawMessage) bool {
			known := string(header["alg"]) != `"Ed25519"`
			header["alg"] = json.RawMessage(`"EdDSA"`)
			return !known
		})
	}},
	// We never use a key from the token, or a URL of one, so its form does not
	// matter.
	{"a malformed header member that nobody should use", func(q question) (question, bool) {
		return q.withToken(func(header, _ map[string]json.RawMessage) bool {
			return deleteFunc(header, func(name string, _ json.RawMessage) bool {
				return slices.Contains([]string{"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "nonce"}, name)
			})
		})
	}},
	// We keep numbers as text, and bound those that we read.
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
	// Authorities write null for claims that a token lacks.
	{"a claim that is null has a wrong type to it", func(q question) (question, bool) {
		return q.withToken(func(_, claims map[string]json.RawMessage) bool {
			return deleteFunc(claims, func(name string, value json.RawMessage) bool {
				return slices.Contains([]string{"nbf", "iat", "sub", "jti"}, name) && string(value) == "null"
			})
		})
	}},
	// JSON allows it, and it means 1970.
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

// withKey returns q with a key set that holds only the key that we used, changed.
func (q question) withKey(change func(map[string]json.RawMessage) map[string]json.RawMessage) (question, bool) {
	var doc struct{ Keys []map[string]json.RawMessage }
	parsed, err := jose.ParseKeySet([]byte(q.keySet), jose.Options{})
	header, _, ok := q.parts()
	// encoding/json reads the same "keys" as we do only if no other spelling of that
	// name is present.
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

// withToken returns q with a changed token.
func (q question) withToken(change func(header, claims map[string]json.RawMessage) (changed bool)) (question, bool) {
	header, claims, ok := q.parts()
	if !ok || !change(header, claims) {
		return q, false
	}
	q.token = sign(q.signer, string(must(json.Marshal(header))), string(must(json.Marshal(claims))))
	return q, true
}

// parts returns the signed header and claims of the token. We accepted it, so it has
// no duplicate names.
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
