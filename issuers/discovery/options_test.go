package discovery_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestIssuerURL(t *testing.T) {
	for _, u := range []string{
		"", "auth.example.com", "http://auth.example.com", "https://", "https:auth.example.com", "ftp://auth.example.com", "HTTPS://auth.example.com", "https://user:hunter2/x@auth.example.com", "https://user:hunter2@auth.example.com", "https://auth.example.com?hunter2",
		"https://a@auth.example.com", "https://auth.example.com?x=1", "https://auth.example.com?", "https://auth.example.com#", "https://auth.example.com/#x",
		"https://auth.example.com/a/../b", "https://auth.example.com/%2e%2e/b", "https://auth.example.com/a%2Fb", "https://AUTH.example.com",
		"https://auth.example.com/ ", "https://auth.example.com/\n", "https://auth.example.com/ü",
	} {
		t.Run(u, func(t *testing.T) {
			_, _, err := discovery.Issuer(t.Context(), u, nil)
			wantOnly(t, err, discovery.MalformedURL)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Issuer(%q) = %q, which holds a secret", u, err)
			}
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTransport: Options.JWKS.Transport makes all requests.
func TestTransport(t *testing.T) {
	requests := 0
	own := transport(func(r *http.Request) (*http.Response, error) {
		requests++
		w := httptest.NewRecorder()
		fmt.Fprint(w, `{"issuer": "https://auth.example.com", "jwks_uri": "https://auth.example.com/keys"}`)
		return w.Result(), nil
	})
	opts := &discovery.Options{JWKS: verifier.JWKSOptions{Transport: own, MaxStale: time.Hour}}
	iss, _, err := discovery.Issuer(t.Context(), "https://auth.example.com", opts)
	if err != nil || requests != 1 || iss.JWKS.Transport == nil || iss.JWKS.MaxStale != time.Hour {
		t.Errorf("%d requests, options %+v, error %v", requests, iss.JWKS, err)
	}
}

func TestMistakes(t *testing.T) {
	_, _, err := discovery.Issuer(t.Context(), "https://a@auth.example.com", &discovery.Options{
		AllowPrivate: true,
		JWKS: verifier.JWKSOptions{
			Transport: http.DefaultTransport, FetchTimeout: time.Minute, MaxBytes: 1,
		},
	})
	for _, want := range []string{"holds credentials", "AllowPrivate", "FetchTimeout is 1m0s", "MaxBytes is 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestTimeout(t *testing.T) {
	s, done := newSite(t), make(chan struct{})
	hang := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"issuer": "`)
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-done:
		}
		panic(http.ErrAbortHandler) // or the document would be complete in the end
	}
	s.serve(oidcPath, hang)
	s.serve(oauthPath, hang)
	t.Cleanup(func() { close(done) })
	opts := s.options()
	opts.JWKS.FetchTimeout = 250 * time.Millisecond
	_, _, err := discovery.Issuer(t.Context(), s.URL, opts)
	wantOnly(t, err, discovery.Unreachable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := discovery.Issuer(ctx, s.URL, s.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCertificate(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	opts := s.options()
	opts.RootCAs = nil
	_, _, err := discovery.Issuer(t.Context(), s.URL, opts)
	wantOnly(t, err, discovery.Unreachable)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("error %v", err)
	}
}
