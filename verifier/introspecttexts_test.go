package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectedTexts: a refusal says what the authority did, without the token.
func TestIntrospectedTexts(t *testing.T) {
	const token = "ory_at_0123456789abcdef"
	for _, tt := range []struct {
		name       string
		introspect func(context.Context, string) ([]byte, error)
		reason     verifier.Reason
		want       string
	}{
		{"no connection", func(_ context.Context, token string) ([]byte, error) {
			return nil, fmt.Errorf("POST https://authority/introspect?token=%s: connection refused", token)
		}, verifier.IntrospectionUnavailable, "connection refused"},
		{"no JSON", func(_ context.Context, token string) ([]byte, error) {
			return []byte(`{"` + token + `"}`), nil
		}, verifier.IntrospectionUnavailable, "the answer can't be understood"},
		{"active is the token", func(_ context.Context, token string) ([]byte, error) {
			return []byte(`{"active":"` + token + `"}`), nil
		}, verifier.IntrospectionUnavailable, `"active" is`},
		{"the audience is the token", func(_ context.Context, token string) ([]byte, error) {
			return []byte(`{"active":true,"client_id":"c","aud":"` + token + `"}`), nil
		}, verifier.Audience, `"aud" is`},
		{"inactive", func(context.Context, string) ([]byte, error) {
			return []byte(`{"active":false}`), nil
		}, verifier.Inactive, `the authority reports "active": false`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newOracle().trust(t, func(c *verifier.Config) { c.Issuers[0].Introspect = tt.introspect })
			_, err := v.Verify(t.Context(), token)
			if reasonOf(err) != tt.reason || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("Verify = %v, want %s and %q", err, tt.reason, tt.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), token) {
				t.Errorf("Verify = %v, which shows the token", err)
			}
			if text := fmt.Sprint(v.Status()[0].LastError); strings.Contains(text, token) {
				t.Errorf("LastError = %s, which shows the token", text)
			}
		})
	}
}

// TestIntrospectedAccept: a refusal by Accept is remembered as one by the authority,
// unless Accept could not decide.
func TestIntrospectedAccept(t *testing.T) {
	for _, tt := range []struct {
		name      string
		accept    func(verifier.Client) error
		want      verifier.Reason
		questions int // for two calls
	}{
		{"no", func(verifier.Client) error { return errors.New("not one of ours") }, verifier.NotAccepted, 1},
		{"not for this scope", func(verifier.Client) error {
			return &verifier.Error{Code: verifier.InsufficientScope, Reason: verifier.ScopeMissing}
		}, verifier.ScopeMissing, 1},
		{"no database", func(verifier.Client) error {
			return &verifier.Error{Code: verifier.Unavailable, Reason: verifier.CheckFailed}
		}, verifier.CheckFailed, 2},
		{"a panic", func(verifier.Client) error { panic("a bug") }, verifier.Panicked, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(nil))
				v := o.trust(t, func(c *verifier.Config) { c.Issuers[0].Accept = tt.accept })
				wantReason(t, v, "opaque", tt.want)
				wantReason(t, v, "opaque", tt.want)
				wantQuestions(t, o, "for two calls", tt.questions)
			})
		})
	}
}

// TestExplainExpiredAnswer: a remembered token that has expired since fails at its
// lifetime, though its answer still counts.
func TestExplainExpiredAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.set("opaque", active(map[string]any{"exp": time.Now().Add(10 * time.Second).Unix()}))
		v := o.trust(t, func(c *verifier.Config) { c.Leeway = -1 })
		wantReason(t, v, "opaque", "")
		time.Sleep(11 * time.Second)
		e := v.Explain(t.Context(), bearer("opaque"), scopes.Authenticated(), nil)
		failed := ""
		for _, s := range e.Steps {
			if s.Outcome == verifier.Failed {
				failed = s.Check
			}
		}
		if reasonOf(e.Err) != verifier.Expired || failed != "lifetime" {
			t.Errorf("Explain = %v at %q, want %s at %q", e.Err, failed, verifier.Expired, "lifetime")
		}
		wantQuestions(t, o, "with Explain", 1)
	})
}

// panics is an error whose text can't be read.
type panics struct{}

func (panics) Error() string { panic("a bug") }

// TestIntrospectedErrorPanics: an error of Introspect that panics when it is read is a
// failure of that question, and ends nothing else.
func TestIntrospectedErrorPanics(t *testing.T) {
	v := newOracle().trust(t, func(c *verifier.Config) {
		c.Issuers[0].Introspect = func(context.Context, string) ([]byte, error) { return nil, panics{} }
	})
	if _, err := v.Verify(t.Context(), "opaque"); reasonOf(err) != verifier.IntrospectionUnavailable || !errors.Is(err, panics{}) {
		t.Errorf("Verify: reason %q, want %q and the error itself", reasonOf(err), verifier.IntrospectionUnavailable)
	}
}
