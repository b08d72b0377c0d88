package verifier_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectedWork: open work goes on while the authority reports the token as
// active, and ends within the TTL once it does not.
func TestIntrospectedWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*oracle)
		want verifier.Reason
	}{
		{"inactive", func(o *oracle) { o.set("opaque", nil) }, verifier.Inactive},
		{"another client", func(o *oracle) { o.set("opaque", active(map[string]any{"client_id": "d", "sub": "d"})) }, verifier.NotVerified},
		{"bound to a certificate meanwhile", func(o *oracle) {
			o.set("opaque", active(map[string]any{"cnf": map[string]any{"x5t#S256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}))
		}, verifier.NotVerified},
		{"an outage", func(o *oracle) { o.fail(errors.New("connection refused")) }, verifier.IntrospectionUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(nil))
				v := o.trust(t)
				ctx, err := v.Authorize(t.Context(), verifier.Request{Authorization: []string{"Bearer opaque"}}, scopes.Authenticated())
				if err != nil {
					t.Fatal(err)
				}
				work, stop := v.WhileValid(ctx)
				defer stop()
				second, stopSecond := v.WhileValid(ctx)
				defer stopSecond()
				time.Sleep(10*time.Minute + time.Second)
				if err := errors.Join(work.Err(), second.Err(), v.Recheck(ctx)); err != nil {
					t.Fatalf("after 10 min: %v, want open work", err)
				}
				if n := o.count("opaque"); n != 26 { // one in 24 s
					t.Errorf("%d questions in 10 min, want 26", n)
				}
				tt.end(o)
				time.Sleep(31 * time.Second)
				synctest.Wait()
				for _, work := range []context.Context{work, second} {
					if got := reasonOf(context.Cause(work)); got != tt.want {
						t.Errorf("Cause = %v, want %s", context.Cause(work), tt.want)
					}
				}
				if err := v.Recheck(ctx); reasonOf(err) != tt.want {
					t.Errorf("Recheck = %v, want %s", err, tt.want)
				}
			})
		})
	}
}

// TestForeignJWTIsNotSent: only opaque tokens, and JWTs of the issuer, leave the
// process.
func TestForeignJWTIsNotSent(t *testing.T) {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	header := part(`{"alg":"ES256","typ":"at+jwt"}`)
	signature := part("0123456789012345678901234567890123456789012345678901234567890123")
	own := header + "." + part(`{"iss":"https://opaque.example.com"}`) + "." + signature
	for _, tt := range []struct {
		name, token string
		sent        bool
		want        verifier.Reason
	}{
		{"opaque", "opaque", true, verifier.Inactive},
		{"opaque with dots", "ory_at_abc.def.ghi", true, verifier.Inactive},
		{"a JWT of the issuer", own, true, verifier.Inactive},
		{"a JWT of another issuer", header + "." + part(`{"iss":"https://other.example.com"}`) + "." + signature, false, verifier.UnknownIssuer},
		{"a JWT without iss", header + "." + part(`{}`) + "." + signature, false, verifier.UnknownIssuer},
		{"a cut JWT", header + "." + part(`{"iss":"https://opaque.example.com"}`), false, verifier.Malformed},
		{"a padded JWT", header + "==." + part(`{}`) + "." + signature, false, verifier.Malformed},
		{"a JWE", part(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".a.b.c.d", false, verifier.Malformed},
		{"no token's characters", "opaque!", false, verifier.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOracle()
			v := o.trust(t)
			wantReason(t, v, tt.token, tt.want)
			if sent := o.total > 0; sent != tt.sent {
				t.Errorf("sent to the authority: %t, want %t", sent, tt.sent)
			}
		})
	}
}

func TestRememberedOpaqueTokenDoesNotAllocate(t *testing.T) {
	o := newOracle()
	o.set("opaque", active(nil))
	v := o.trust(t)
	wantReason(t, v, "opaque", "")
	if n := testing.AllocsPerRun(100, func() { _, _ = v.Verify(t.Context(), "opaque") }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
