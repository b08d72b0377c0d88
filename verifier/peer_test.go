package verifier_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPeerCertificatesFrom: it replaces PeerCertificates, and is called for
// every verified token, remembered or not. The binding and Check use its
// result. Its failure is Unavailable, because it says nothing about the
// token.
func TestPeerCertificatesFrom(t *testing.T) {
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	broken := errors.New("no such header")
	for _, tt := range []struct {
		name  string
		find  func() ([]*x509.Certificate, error)
		bound verifier.Reason // of a token that is bound to mine
		plain verifier.Reason // of one that is not
	}{
		{"the right one", func() ([]*x509.Certificate, error) { return []*x509.Certificate{mine, other}, nil }, "", ""},
		{"another", func() ([]*x509.Certificate, error) { return []*x509.Certificate{other}, nil }, verifier.Bound, ""},
		{"none", func() ([]*x509.Certificate, error) { return nil, nil }, verifier.Bound, ""},
		{"an error", func() ([]*x509.Certificate, error) { return nil, broken }, verifier.PeerUnknown, verifier.PeerUnknown},
		{"the right one beside an error", func() ([]*x509.Certificate, error) { return []*x509.Certificate{mine}, broken }, verifier.PeerUnknown, verifier.PeerUnknown},
		{"an error of a Code", func() ([]*x509.Certificate, error) { return nil, &verifier.Error{Code: verifier.InvalidToken} }, verifier.Denied, verifier.Denied},
		{"a Reason", func() ([]*x509.Certificate, error) { return nil, fmt.Errorf("header: %w", verifier.Bound) }, verifier.Bound, verifier.Bound},
		{"a panic", func() ([]*x509.Certificate, error) { panic("malformed") }, verifier.Panicked, verifier.Panicked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l lookout
			var checked [][]*x509.Certificate
			a, v := local(t, l.watch, func(c *verifier.Config) {
				c.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
					checked = append(checked, r.PeerCertificates)
					if r.PeerCertificatesFrom != nil {
						t.Error("Check could ask again")
					}
					return nil
				}
			})
			for _, kind := range []struct {
				token string
				want  verifier.Reason
			}{
				{a.Token(spec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": thumbprint(mine)}}}), tt.bound},
				{a.Token(spec{}), tt.plain},
			} {
				for hit := range 3 {
					asked := 0
					checked = nil
					l.want(t, v, verifier.Request{
						Authorization:    []string{"Bearer " + kind.token},
						PeerCertificates: []*x509.Certificate{mine}, // counts for nothing
						PeerCertificatesFrom: func() ([]*x509.Certificate, error) {
							asked++
							return tt.find()
						},
					}, scopes.Authenticated(), hit > 0, kind.want)
					if asked != 1 {
						t.Errorf("asked %d times", asked)
					}
					if kind.want == "" {
						if found, _ := tt.find(); len(checked) != 1 || !slices.Equal(checked[0], found) {
							t.Errorf("Check was asked about %v", checked)
						}
					} else if checked != nil {
						t.Error("Check was asked about a refused call")
					}
				}
			}
		})
	}
}

// TestPeerCertificatesFromIsNotAsked: it is not called for a token that is
// not verified.
func TestPeerCertificatesFromIsNotAsked(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	request := func(authorization ...string) verifier.Request {
		return verifier.Request{Authorization: authorization, PeerCertificatesFrom: func() ([]*x509.Certificate, error) { panic("asked") }}
	}
	l.want(t, v, request(), scopes.Authenticated(), false, verifier.CredentialsMissing)
	l.want(t, v, request("Bearer x"), scopes.Authenticated(), false, verifier.Malformed)
	l.want(t, v, request("Bearer "+a.Token(spec{Signature: make([]byte, 64)})), scopes.Authenticated(), false, verifier.BadSignature)
	if _, err := v.Authorize(t.Context(), request("Bearer "+a.Token(spec{})), scopes.Public()); err != nil {
		t.Error(err)
	}
}

// TestRecheckRemembersThePeer: Recheck passes the certificates of the call
// to Check, and does not use the transport, which may be gone.
func TestRecheckRemembersThePeer(t *testing.T) {
	mine := &x509.Certificate{Raw: []byte("mine")}
	var checked []verifier.Request
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
			checked = append(checked, r)
			return nil
		}
	})
	asked := 0
	ctx, err := v.Authorize(t.Context(), verifier.Request{
		Authorization: []string{"Bearer " + a.Token(spec{})},
		PeerCertificatesFrom: func() ([]*x509.Certificate, error) {
			asked++
			return []*x509.Certificate{mine}, nil
		},
	}, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Recheck(ctx); err != nil {
		t.Fatal(err)
	}
	if asked != 1 || len(checked) != 2 {
		t.Fatalf("asked %d times, checked %d times", asked, len(checked))
	}
	for _, r := range checked {
		if !slices.Equal(r.PeerCertificates, []*x509.Certificate{mine}) || r.PeerCertificatesFrom != nil {
			t.Errorf("Check was asked about %v", r.PeerCertificates)
		}
	}
}

// TestPeerOfACallerWhoIsGone: the error of the call's own ended context is
// Canceled.
func TestPeerOfACallerWhoIsGone(t *testing.T) {
	a, v := local(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, want := range []verifier.Reason{verifier.PeerUnknown, verifier.Canceled} {
		_, err := v.Authorize(ctx, verifier.Request{
			Authorization:        []string{"Bearer " + a.Token(spec{})},
			PeerCertificatesFrom: func() ([]*x509.Certificate, error) { return nil, context.Canceled },
		}, scopes.Authenticated())
		if reasonOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
		cancel() // before the second
	}
}
