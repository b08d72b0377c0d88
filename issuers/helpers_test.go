package issuers_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

type object = map[string]any

// testKeys generates the keys once, because RSA keys take long to generate.
var testKeys = sync.OnceValue(func() struct{ sign, other, enc, stranger *m2mtest.Key } {
	return struct{ sign, other, enc, stranger *m2mtest.Key }{
		m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"),
	}
})

// jwk returns a key as a vendor publishes it: with the members of keep, and with some
// of its own.
func jwk(key *m2mtest.Key, keep []string, own object) object {
	full, out := key.JWK(), object{"kty": "RSA", "kid": key.ID}
	for _, name := range append(keep, "n", "e") {
		out[name] = full[name]
	}
	maps.Copy(out, own)
	return out
}

// with returns base with changes; m2mtest.Absent removes a member.
func with(base, changes object) object {
	out := maps.Clone(base)
	for name, value := range changes {
		if value == m2mtest.Absent {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

// mint returns a signed token with the claims and a vendor's header, valid for an hour.
func mint(t *testing.T, key *m2mtest.Key, header, claims object) string {
	t.Helper()
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
	defer a.Close()
	now := time.Now().Unix()
	payload, err := json.Marshal(with(object{"iat": now, "exp": now + 3600}, claims))
	if err != nil {
		t.Fatal(err)
	}
	return a.Token(m2mtest.TokenSpec{Header: header, RawPayload: string(payload)})
}

// newVerifier returns a verifier that trusts iss with the given keys.
func newVerifier(t *testing.T, iss verifier.Issuer, keys ...object) *verifier.Verifier {
	t.Helper()
	doc, err := json.Marshal(object{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	iss.JWKSURL, iss.JWKS.Transport = "", nil
	iss.FetchJWKS = func(context.Context) ([]byte, error) { return doc, nil }
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// token is a token that a preset accepts or refuses.
type token struct {
	name   string
	claims object
	header object       // in addition to the vendor's
	key    *m2mtest.Key // the vendor's if nil
	want   verifier.Reason
	id     string // of the client, if the token is accepted
	scopes string
}

// fixture combines a preset with the vendor's header, keys and tokens.
type fixture struct {
	name   string
	issuer verifier.Issuer
	err    error
	header object
	keys   []object
	key    *m2mtest.Key // signs the tokens
	tokens []token
}

// of returns the fixture with the result of a preset.
func (f fixture) of(iss verifier.Issuer, err error) fixture {
	f.issuer, f.err = iss, err
	return f
}

func (f fixture) run(t *testing.T) {
	if f.err != nil {
		t.Fatal(f.err)
	}
	v := newVerifier(t, f.issuer, f.keys...)
	for _, tt := range f.tokens {
		t.Run(tt.name, func(t *testing.T) {
			key := tt.key
			if key == nil {
				key = f.key
			}
			client, err := v.Verify(t.Context(), mint(t, key, with(f.header, tt.header), tt.claims))
			if tt.want != "" {
				// Compare the Reason itself: errors.Is would match a wrapped one, too.
				e, ok := errors.AsType[*verifier.Error](err)
				if !ok || e.Reason != tt.want {
					t.Fatalf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if client.ID != tt.id || client.Issuer != f.issuer.Name {
				t.Errorf("client (%q, %q), want (%q, %q)", client.Issuer, client.ID, f.issuer.Name, tt.id)
			}
			if got := client.Scopes.String(); got != tt.scopes {
				t.Errorf("scopes %q, want %q", got, tt.scopes)
			}
		})
	}
}
