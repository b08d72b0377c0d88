package gateway_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// TestAnswerDuringRotation checks that an operator sees by the Answers which secret
// each instance uses, and so when completing the rotation cuts off nobody.
func TestAnswerDuringRotation(t *testing.T) {
	s := newSaaS(t, gateway.TokenEndpointOptions{})
	api, err := stytch.New(s.ProjectID(), stytch.NewSecret(s.Secret()), &stytch.Options{BaseURL: "http://localhost", Transport: s.upstream})
	if err != nil {
		t.Fatal(err)
	}
	machine, next, err := api.StartRotation(t.Context(), s.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, secret, want string }{
		{"an instance with the old secret", s.secret, machine.SecretLastFour},
		{"an instance with the next secret", next.Reveal(), machine.NextSecretLastFour},
	} {
		before := time.Now()
		s.post(t, "grant_type=client_credentials&scope=read:reports", formType, basic(s.id, c.secret))
		a := s.last()
		if a.SecretLastFour != c.want || c.want == "" {
			t.Errorf("%s: SecretLastFour = %q, want %q", c.name, a.SecretLastFour, c.want)
		}
		if want := []string{"read:reports"}; !slices.Equal(a.Scopes, want) {
			t.Errorf("%s: Scopes = %q, want %q", c.name, a.Scopes, want)
		}
		if !strings.HasPrefix(a.RequestID, "request-id-test-") {
			t.Errorf("%s: RequestID = %q, want Stytch's", c.name, a.RequestID)
		}
		if a.Expires.Before(before.Add(time.Hour)) || a.Expires.After(time.Now().Add(time.Hour)) {
			t.Errorf("%s: Expires = %v, want an hour from now", c.name, a.Expires)
		}
		if shown := fmt.Sprintf("%+v", a); strings.Contains(shown, c.secret[len(c.secret)-5:]) {
			t.Errorf("%s: the Answer holds more than four characters of the secret: %s", c.name, shown)
		}
	}
	s.post(t, "grant_type=client_credentials", formType, basic(s.id, "wrong-secret-wxyz"))
	if a := s.last(); a.Status != 401 || a.SecretLastFour != "" || a.Scopes != nil || !a.Expires.IsZero() ||
		!strings.HasPrefix(a.RequestID, "request-id-test-") {
		t.Errorf("a wrong secret: %+v, want a request ID and nothing of the secret", a)
	}
}

// TestAnswerOfUpstream checks what an Answer takes from responses of upstream, which
// may be malformed or repeat the secret.
func TestAnswerOfUpstream(t *testing.T) {
	const secret = "correct-horse-battery"
	jwt := func(payload string) string {
		return "a." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c"
	}
	for _, tt := range []struct {
		name    string
		secret  string // "" for the one above
		members string
		token   string
		want    gateway.Answer
	}{
		{"an opaque token", "", ``, "opaque", gateway.Answer{SecretLastFour: "tery"}},
		{"scopes of the response", "", `,"scope":"a b"`, jwt(`{"scope":"c"}`), gateway.Answer{SecretLastFour: "tery", Scopes: []string{"a", "b"}}},
		{"scopes of the token", "", ``, jwt(`{"scope":"c d"}`), gateway.Answer{SecretLastFour: "tery", Scopes: []string{"c", "d"}}},
		{"scopes that are no string", "", ``, jwt(`{"scope":["c"]}`), gateway.Answer{SecretLastFour: "tery"}},
		{"malformed scopes", "", `,"scope":"a\nb"`, "a.b.c", gateway.Answer{SecretLastFour: "tery"}},
		{"scopes that repeat the secret", "", `,"scope":"` + secret + `"`, "a.b.c", gateway.Answer{SecretLastFour: "tery"}},
		{"a request ID", "", `,"request_id":"request-id-test-1"`, "a.b.c", gateway.Answer{SecretLastFour: "tery", RequestID: "request-id-test-1"}},
		{"a malformed request ID", "", `,"request_id":"a\nb"`, "a.b.c", gateway.Answer{SecretLastFour: "tery"}},
		{"a request ID that repeats the secret", "", `,"request_id":"x` + secret + `"`, "a.b.c", gateway.Answer{SecretLastFour: "tery"}},
		{"a short secret", "secret7", ``, "a.b.c", gateway.Answer{}},
		{"a secret outside ASCII", "correct-%C3%B6%C3%B6", ``, "a.b.c", gateway.Answer{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSaaS(t, gateway.TokenEndpointOptions{})
			s.Fail(m2mtest.Outage{Status: 200, Body: `{"access_token":"` + tt.token + `","token_type":"bearer","expires_in":60` + tt.members + `}`})
			if tt.secret == "" {
				tt.secret = secret
			}
			s.post(t, "grant_type=client_credentials&client_id="+s.id+"&client_secret="+tt.secret, formType)
			got := s.last()
			if got.Status != 200 || got.SecretLastFour != tt.want.SecretLastFour || got.RequestID != tt.want.RequestID ||
				!slices.Equal(got.Scopes, tt.want.Scopes) {
				t.Errorf("Answer = %+v, want SecretLastFour %q, RequestID %q, Scopes %q",
					got, tt.want.SecretLastFour, tt.want.RequestID, tt.want.Scopes)
			}
		})
	}
}
