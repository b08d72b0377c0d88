package m2mtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func TestOutageAnswers(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("c")
	keys := func() int { return send(t, "GET", a.Issuer().JWKSURL, "", nil).status }
	tokens := func() int { return token(t, a, id, secret).status }
	api := func() int { return call(t, a, "GET", clients+"/"+id, "").status }
	want := func(name string, wantKeys, wantTokens, wantAPI int) {
		t.Helper()
		if k, o, c := keys(), tokens(), api(); k != wantKeys || o != wantTokens || c != wantAPI {
			t.Errorf("status(%s) = keys %d, token %d, clients %d; want %d, %d, %d", name, k, o, c, wantKeys, wantTokens, wantAPI)
		}
	}
	want("before", 200, 200, 200)
	a.Fail(m2mtest.Outage{})
	want("everything", 503, 503, 503)
	a.Restore()
	want("restored", 200, 200, 200)
	a.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint, Status: 500})
	want("keys", 500, 200, 200)
	a.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint, Status: 429})
	want("keys and token, each its own", 500, 429, 200)
	a.Fail(m2mtest.Outage{Endpoints: m2mtest.ClientsEndpoint | m2mtest.KeysEndpoint, Requests: 3})
	want("three requests in all", 503, 429, 503)
	want("the third", 503, 429, 200)
	want("spent", 200, 429, 200)
	a.Restore()
	want("restored again", 200, 200, 200)

	a.Fail(m2mtest.Outage{
		Endpoints: m2mtest.KeysEndpoint, Status: 200, Body: "<html>",
		Header: http.Header{"Retry-After": {"7"}, "Content-Type": {"text/html"}},
	})
	r := send(t, "GET", a.Issuer().JWKSURL, "", nil)
	if r.status != 200 || r.text != "<html>" || r.header.Get("Retry-After") != "7" || r.header.Get("Content-Type") != "text/html" {
		t.Errorf("GET = %d, %q, %v; want the response of the Outage", r.status, r.text, r.header)
	}
	if got := a.KeyFetches(); got != 10 {
		t.Errorf("KeyFetches() = %d, want 10: failing ones count", got)
	}
}

func TestOutageDrop(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	a.Fail(m2mtest.Outage{Drop: true})
	if _, err := http.Post(a.TokenURL(), "application/json", strings.NewReader("{}")); !errors.Is(err, io.EOF) {
		t.Errorf("Post = %v, want EOF", err)
	}
}

func TestOutageHang(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("c", "a")
	a.Fail(m2mtest.Outage{Hang: true})

	// The caller gives up.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		a.AwaitHanging(1)
		cancel()
	}()
	req, err := http.NewRequestWithContext(ctx, "POST", a.TokenURL(), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("Do = %v, want Canceled", err)
	}
	a.AwaitHanging(0) // the server noticed

	// Restored, the request is answered, its body intact.
	answered := make(chan reply, 1)
	go func() { answered <- token(t, a, id, secret) }()
	a.AwaitHanging(1)
	a.Restore()
	wantGranted(t, <-answered, "a")
}

func TestOutageMistakes(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{NoServer: true})
	wantPanic(t, "hangs or drops", func() { a.Fail(m2mtest.Outage{Hang: true, Drop: true}) })
	wantPanic(t, "200 to 599", func() { a.Fail(m2mtest.Outage{Status: 99}) })
	wantPanic(t, "Requests is negative", func() { a.Fail(m2mtest.Outage{Requests: -1}) })
	wantPanic(t, "unknown Endpoints", func() { a.Fail(m2mtest.Outage{Endpoints: 8}) })
}

func TestClose(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	a.Fail(m2mtest.Outage{Hang: true})
	failed := make(chan error, 1)
	go func() {
		_, err := http.Get(a.Issuer().JWKSURL)
		failed <- err
	}()
	a.AwaitHanging(1)
	a.Close()
	a.Close()
	if err := <-failed; err == nil {
		t.Error("a hanging request was answered by Close")
	}
	if _, err := http.Get(a.URL()); err == nil {
		t.Error("the server still listens")
	}
	if _, err := a.FetchJWKS(t.Context()); err == nil {
		t.Error("FetchJWKS works after Close")
	}
	if a.Token(m2mtest.TokenSpec{}) == "" {
		t.Error("minting ended")
	}
}

// TestVirtualTime runs everything but HTTP in a bubble, with an Authority made
// outside of it and with one made inside.
func TestVirtualTime(t *testing.T) {
	outside := newAuthority(t, m2mtest.Options{})
	for name, newOne := range map[string]func(*testing.T) *m2mtest.Authority{
		"outside": func(*testing.T) *m2mtest.Authority { return outside },
		"inside": func(t *testing.T) *m2mtest.Authority {
			return newAuthority(t, m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("RS256")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newOne(t)
				if got := payload(t, a.Token(m2mtest.TokenSpec{}))["iat"]; got != float64(time.Now().Unix()) {
					t.Errorf("iat = %v, want the bubble's time", got)
				}
				before := a.KeyFetches()
				a.RemoveKey(a.RotateKeys())
				a.SignWith(a.Keys()[0])

				a.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint, Requests: 1, Status: 500})
				if _, err := a.FetchJWKS(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
					t.Errorf("FetchJWKS = %v, want status 500", err)
				}
				if body, err := a.FetchJWKS(t.Context()); err != nil || !strings.Contains(string(body), a.Keys()[0]) {
					t.Errorf("FetchJWKS(after the outage) = %q, %v; want the keys", body, err)
				}
				a.Fail(m2mtest.Outage{Drop: true, Requests: 1})
				if _, err := a.FetchJWKS(t.Context()); err == nil {
					t.Error("dropped, but answered")
				}
				a.Fail(m2mtest.Outage{Status: 200, Body: "<html>"})
				if body, err := a.FetchJWKS(t.Context()); string(body) != "<html>" || err != nil {
					t.Errorf("FetchJWKS = %q, %v; want the Body of the Outage", body, err)
				}

				a.Fail(m2mtest.Outage{Hang: true})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				if _, err := a.FetchJWKS(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
					t.Errorf("FetchJWKS = %v after %v, want DeadlineExceeded after 1h", err, time.Since(start))
				}
				done := false
				go func() {
					_, err := a.FetchJWKS(t.Context())
					done = err == nil
				}()
				synctest.Wait()
				if done {
					t.Error("answered while hanging")
				}
				a.Restore()
				synctest.Wait()
				if !done {
					t.Error("not answered after Restore")
				}
				if got := a.KeyFetches() - before; got != 6 {
					t.Errorf("KeyFetches() = %d more, want 6", got)
				}
				if c := a.Client(m2mtest.TokenSpec{Scopes: []string{"a"}}); !c.Scopes.Has("a") {
					t.Error("Client does not work here")
				}
			})
		})
	}
}
