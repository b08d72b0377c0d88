package verifier_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectedCutoff: a cut-off ends open work and refuses calls at once, whatever
// the authority says of the token, and costs no question.
func TestIntrospectedCutoff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sel    revocation.Selector
		bound  time.Duration // after the token's iat
		answer map[string]any
		want   verifier.Reason
	}{
		{"the client", revocation.Client("c"), 0, nil, verifier.Revoked},
		{"the token", revocation.Token("o"), 0, nil, verifier.Revoked},
		{"everything", revocation.Everything(), 0, nil, verifier.Revoked},
		{"the client, and the token has no iat", revocation.Client("c"), -time.Hour, map[string]any{"iat": nil}, verifier.Revoked},
		{"tokens of before", revocation.Everything(), -time.Second, nil, ""},
		{"another client", revocation.Client("d"), 0, nil, ""},
		{"another token", revocation.Token("c"), 0, nil, ""},
		{"a key", revocation.Key("jtN4sAEE0Ptuh_gRBgJGUcZhVxqrWYFhHcB1PCrrDVs"), 0, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issued := time.Now().Add(-time.Minute)
				answer := active(map[string]any{"iat": issued.Unix(), "exp": issued.Add(time.Hour).Unix(), "jti": "o"})
				for name, v := range tt.answer {
					if answer[name] = v; v == nil {
						delete(answer, name)
					}
				}
				list, err := revocation.New(revocation.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer list.Close()
				o := newOracle()
				o.set("opaque", answer)
				v := o.trust(t, func(c *verifier.Config) { c.Revocations = list })
				ctx, err := v.Authorize(t.Context(), bearer("opaque"), scopes.Authenticated())
				if err != nil {
					t.Fatal(err)
				}
				work, stop := v.WhileValid(ctx)
				defer stop()
				time.Sleep(time.Minute)
				asked := o.count("opaque")
				cut := revocation.Cutoff{Issuer: "https://opaque.example.com", Select: tt.sel}
				if tt.sel != revocation.Token("o") && tt.sel != revocation.Token("c") {
					cut.IssuedUpTo = issued.Add(tt.bound)
				}
				if err := list.Add(cut); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := reasonOf(context.Cause(work)); got != tt.want {
					t.Errorf("Cause of open work = %v, want %q", context.Cause(work), tt.want)
				}
				if err := v.Recheck(ctx); reasonOf(err) != tt.want {
					t.Errorf("Recheck = %v, want %q", err, tt.want)
				}
				wantReason(t, v, "opaque", tt.want)
				if n := o.count("opaque"); n != asked {
					t.Errorf("%d questions because of the cut-off, want 0", n-asked)
				}
				time.Sleep(time.Minute) // the answer was renewed, and is another one
				wantReason(t, v, "opaque", tt.want)
			})
		})
	}
}

// TestIntrospectedExpiry: open work ends with the "exp" of the last answer, and goes on
// if the authority prolongs the token.
func TestIntrospectedExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		ends := func(in time.Duration) {
			o.set("opaque", active(map[string]any{"exp": time.Now().Add(in).Unix()}))
		}
		ends(time.Minute)
		v := o.trust(t, func(c *verifier.Config) { c.Leeway = -1 })
		ctx, err := v.Authorize(t.Context(), bearer("opaque"), scopes.Authenticated())
		if err != nil {
			t.Fatal(err)
		}
		work, stop := v.WhileValid(ctx)
		defer stop()
		time.Sleep(10 * time.Second)
		ends(2 * time.Minute)
		time.Sleep(119 * time.Second)
		if work.Err() != nil {
			t.Errorf("Cause of open work = %v, want none: the authority has prolonged the token", context.Cause(work))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := reasonOf(context.Cause(work)); got != verifier.Expired {
			t.Errorf("Cause of open work = %v, want %s", context.Cause(work), verifier.Expired)
		}
	})
}

// TestIntrospectedBinding: a token whose binding changes is another one: open work
// ends, and so does a handler's Recheck.
func TestIntrospectedBinding(t *testing.T) {
	mine := &x509.Certificate{Raw: []byte("mine")}
	sum := sha256.Sum256(mine.Raw)
	thumbprint := base64.RawURLEncoding.EncodeToString(sum[:])
	for name, change := range map[string]any{
		"another certificate": map[string]any{"x5t#S256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"no longer bound":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(map[string]any{"cnf": map[string]any{"x5t#S256": thumbprint}}))
				v := o.trust(t)
				r := bearer("opaque")
				r.PeerCertificates = []*x509.Certificate{mine}
				ctx, err := v.Authorize(t.Context(), r, scopes.Authenticated())
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Recheck(ctx); err != nil {
					t.Errorf("Recheck = %v, want nil", err)
				}
				work, stop := v.WhileValid(ctx)
				defer stop()
				o.set("opaque", active(map[string]any{"cnf": change}))
				time.Sleep(31 * time.Second)
				synctest.Wait()
				if got := reasonOf(context.Cause(work)); got != verifier.NotVerified {
					t.Errorf("Cause of open work = %v, want %s", context.Cause(work), verifier.NotVerified)
				}
				if err := v.Recheck(ctx); reasonOf(err) != verifier.NotVerified {
					t.Errorf("Recheck = %v, want %s", err, verifier.NotVerified)
				}
			})
		})
	}
}
