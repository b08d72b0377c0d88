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

// testKeys are made once: RSA keys take a moment.
var testKeys = sync.OnceValue(func() struct{ sign, other, enc, stranger *m2mtest.Key } {
	return struct{ sign, other, enc, stranger *m2mtest.Key }{
		m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"), m2mtest.NewKey("RS256"),
	}
})

// jwk is a key as a vendor publishes it: with these members of ours only, and
// some of its own.
func jwk(key *m2mtest.Key, keep []string, own object) object {
	full, out := key.JWK(), object{"kty": "RSA", "kid": key.ID}
	for _, name := range append(keep, "n", "e") {
		out[name] = full[name]
	}
	maps.Copy(out, own)
	return out
}

// with returns base with changes; m2mtest.Absent takes a member out.
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

// mint signs claims, good for an hour, with a vendor's header.
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

// newVerifier trusts iss, with the given keys.
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

// token is one token at a preset's door.
type token struct {
	name   string
	claims object
	header object       // on top of the vendor's
	key    *m2mtest.Key // the vendor's if nil
	want   verifier.Reason
	id     string // of the client, if it is let in
	scopes string
}

// fixture is a preset with the vendor's header, keys and tokens.
type fixture struct {
	name   string
	issuer verifier.Issuer
	err    error
	header object
	keys   []object
	key    *m2mtest.Key // that signs
	tokens []token
}

// of fills in what a preset returned.
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
				// The Reason alone, not something that wraps it by chance.
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
