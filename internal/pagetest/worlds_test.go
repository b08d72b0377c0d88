package pagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	audience = "https://orders.example.com"

	// mark is in every hostile text, so that the browser can look for it.
	mark = "<img src=x onerror=hit=1><script>hit=1</script><a href=//evil.example>mark</a>"
	// turned turns the direction of the text, and breaks lines.
	turned = "\u202e\u2066gnp.exe\u2069\n\r\x1b[31m\u200b\u0000"
)

// policy is the policy of a small service.
var policy = map[string]scopes.Requirement{
	"GET /healthz":             scopes.Public(),
	"GET /orders":              scopes.All("read:orders"),
	"POST /orders":             scopes.All("write:orders"),
	"DELETE /orders/{id}":      scopes.All("write:orders", "delete:orders"),
	"GET /orders/{id}/invoice": scopes.Any("read:orders", "read:invoices"),
	"GET /whoami":              scopes.Authenticated(),
}

// worlds are the states of a service that the browser looks at. Each runs in
// virtual time.
var worlds = map[string]func(t *testing.T) http.Handler{
	"well": func(t *testing.T) http.Handler {
		a := newAuthority(t)
		b := newAuthority(t)
		w := start(t, "orders", list(policy), issuer("https://auth.example.com", a), issuer("https://ci.example.com/oidc", b))
		w.traffic(a, 60)
		return w.page
	},
	"failing": func(t *testing.T) http.Handler {
		a, stale := newAuthority(t), newAuthority(t)
		down := issuer("https://login.partner.example", a)
		down.FetchJWKS = func(context.Context) ([]byte, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "login.partner.example", IsNotFound: true}}
		}
		operations := list(map[string]scopes.Requirement{"/orders.v1.Orders/Lst": {}, "/orders.v1.Orders/Create": scopes.All("write:orders")})
		w := start(t, "orders", operations, issuer("https://auth.example.com", a), issuer("https://ci.example.com/oidc", stale), down)
		stale.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint})
		w.traffic(a, 40)
		for range 30 {
			w.call("POST /orders", a.Token(spec("https://login.partner.example")), policy["POST /orders"])
		}
		return w.page
	},
	"hostile": func(t *testing.T) http.Handler {
		key := m2mtest.NewKey("ES256")
		key.ID = mark + turned + strings.Repeat("k", 100)
		a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
		t.Cleanup(a.Close)
		hostile := scopes.All("read:orders")
		operations := list(map[string]scopes.Requirement{
			mark: hostile, turned: hostile, strings.Repeat("long", 400): hostile, "GET /" + strings.Repeat("w", 900): hostile,
		})
		w := start(t, mark+turned, operations, issuer("https://auth.example.com/"+strings.Repeat("tenant-", 40), a))
		name := w.verifier.Issuers()[0]
		for _, text := range []string{mark, turned, strings.Repeat("A", 3000), `", want "` + mark} {
			for _, s := range []m2mtest.TokenSpec{
				{Issuer: text}, {Issuer: name, Audience: []string{text, text}},
				{Issuer: name, Audience: []string{audience}, Header: map[string]any{"typ": text}},
				{Issuer: name, Audience: []string{audience}, Header: map[string]any{"kid": text}, IssuedAt: time.Now().Add(-20 * time.Minute)},
				{Issuer: name, Audience: []string{audience}, ClientID: text, Claims: map[string]any{"jti": text}},
			} {
				w.call(text, a.Token(s), policy["DELETE /orders/{id}"])
			}
			w.call(text, text, hostile)
		}
		return w.page
	},
	"many": func(t *testing.T) http.Handler {
		a := newAuthority(t)
		var all []verifier.Issuer
		for i := range 500 {
			all = append(all, issuer(fmt.Sprintf("https://tenant-%03d.auth.example.com", i), a))
		}
		broken := errors.New("connection reset by peer")
		all[250].FetchJWKS = func(context.Context) ([]byte, error) { return nil, broken }
		all[250].Optional = true
		operations := make(map[string]scopes.Requirement)
		for i := range 3000 {
			operations[fmt.Sprintf("GET /resources/%04d/{id}", i)] = scopes.All(fmt.Sprintf("read:resource-%04d", i))
		}
		return start(t, "orders", list(operations), all...).page
	},
	"empty": func(t *testing.T) http.Handler {
		return start(t, "orders", nil, issuer("https://auth.example.com", newAuthority(t))).page
	},
}

// world is a service that decides about calls.
type world struct {
	verifier *verifier.Verifier
	page     http.Handler
}

func newAuthority(t *testing.T) *m2mtest.Authority {
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	t.Cleanup(a.Close)
	return a
}

func issuer(name string, a *m2mtest.Authority) verifier.Issuer {
	return verifier.Issuer{Name: name, Audiences: []string{audience}, FetchJWKS: a.FetchJWKS, Algorithms: []string{"ES256"}, ClientIDClaims: []string{"sub"},
		Accept: func(verifier.Client) error { return nil }}
}

func start(t *testing.T, service string, operations iter.Seq2[string, scopes.Requirement], issuers ...verifier.Issuer) *world {
	recent := &telemetry.Recent{Keep: 4}
	v, err := verifier.New(verifier.Config{Issuers: issuers, Observe: []func(context.Context, verifier.Decision){recent.Observe}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	time.Sleep(time.Second) // virtual: every first fetch is over
	revoked, err := revocation.New(revocation.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { revoked.Close() })
	cutoff := revocation.Cutoff{Issuer: issuers[0].Name, Select: revocation.Client("lost-laptop"), IssuedUpTo: time.Now()}
	if err := revoked.Add(cutoff); err != nil {
		t.Fatal(err)
	}
	c := telemetry.StatusConfig{Verifier: v, Service: service, Recent: recent, Revocations: revoked}
	if operations != nil {
		c.Operations = append(c.Operations, operations)
	}
	page, err := telemetry.Status(c)
	if err != nil {
		t.Fatal(err)
	}
	return &world{v, page}
}

func list(operations map[string]scopes.Requirement) iter.Seq2[string, scopes.Requirement] {
	return func(yield func(string, scopes.Requirement) bool) {
		for _, name := range slices.Sorted(maps.Keys(operations)) {
			if !yield(name, operations[name]) {
				return
			}
		}
	}
}

func spec(issuer string, granted ...string) m2mtest.TokenSpec {
	return m2mtest.TokenSpec{Issuer: issuer, Audience: []string{audience}, ClientID: "billing-worker", Scopes: granted}
}

func (w *world) call(operation, token string, need scopes.Requirement) {
	_, _ = w.verifier.Authorize(context.Background(), verifier.Request{Operation: operation, Authorization: []string{"Bearer " + token}}, need)
}

// traffic makes some minutes of usual calls, with the usual mistakes among them.
func (w *world) traffic(a *m2mtest.Authority, minutes int) {
	const name = "https://auth.example.com"
	for m := range minutes {
		good := a.Token(spec(name, "read:orders"))
		for range 40 + (m*37)%50 {
			w.call("GET /orders", good, policy["GET /orders"])
		}
		for range (m * 7) % 11 {
			w.call("POST /orders", good, policy["POST /orders"])
		}
		other := spec(name)
		other.Audience = []string{audience + "/"}
		if m%3 == 0 {
			w.call("GET /orders", a.Token(other), policy["GET /orders"])
		}
		if m > 40 {
			old := spec(name)
			old.ExpiresAt = time.Now().Add(-4 * time.Minute)
			w.call("GET /orders", a.Token(old), policy["GET /orders"])
		}
		time.Sleep(time.Minute)
	}
	w.call("GET /orders/{id}/invoice", a.Token(spec("https://auth.example.org")), policy["GET /orders/{id}/invoice"])
}
