package m2mtest_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestSecretRotation: a whole rotation, without an interruption.
func TestSecretRotation(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, first := a.CreateClient("worker", "jobs:run")
	rotate := clients + "/" + id + "/secrets/rotate"
	works := func(secret string) {
		t.Helper()
		wantGranted(t, token(t, a, id, secret), "jobs:run")
	}
	refused := func(secret string) {
		t.Helper()
		wantOAuthError(t, token(t, a, id, secret), 401, "invalid_client")
	}
	start := func() string {
		t.Helper()
		r := call(t, a, "POST", rotate+"/start", `{}`)
		c := r.client(t)
		next, _ := c["next_client_secret"].(string)
		if r.status != 200 || len(next) < 40 || c["next_client_secret_last_four"] != next[len(next)-4:] {
			t.Fatalf("start = %d, %s; want 200 and a secret", r.status, r.text)
		}
		if _, shown := c["client_secret"]; shown {
			t.Error("start shows the current secret")
		}
		return next
	}

	second := start()
	works(first)
	works(second)
	wantStytchError(t, call(t, a, "POST", rotate+"/start", ``), 400, "m2m_client_already_rotating_secret")

	r := call(t, a, "POST", rotate+"/cancel", ``)
	if c := r.client(t); r.status != 200 || c["next_client_secret_last_four"] != nil {
		t.Errorf("cancel = %d, %s; want 200 and no next secret", r.status, r.text)
	}
	works(first)
	refused(second)

	third := start()
	r = call(t, a, "POST", rotate, `{}`)
	c := r.client(t)
	if r.status != 200 || c["client_secret_last_four"] != third[len(third)-4:] || c["next_client_secret_last_four"] != nil {
		t.Errorf("complete = %d, %s; want 200 and the third secret", r.status, r.text)
	}
	refused(first)
	refused(second)
	works(third)
	wantStytchError(t, call(t, a, "POST", rotate, ``), 400, "m2m_client_not_rotating_secret")
}

// TestSecretsShownOnce searches every later response for every secret.
func TestSecretsShownOnce(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	r := call(t, a, "POST", clients, `{"client_name": "x", "scopes": ["a"]}`)
	id, secret := r.client(t)["client_id"].(string), r.client(t)["client_secret"].(string)
	path := clients + "/" + id
	var later strings.Builder
	later.WriteString(token(t, a, id, "wrong").text)
	next := call(t, a, "POST", path+"/secrets/rotate/start", ``)
	nextSecret := next.client(t)["next_client_secret"].(string)
	later.WriteString(strings.ReplaceAll(next.text, nextSecret, ""))
	for _, c := range [][3]string{
		{"GET", path, ``},
		{"POST", clients + "/search", `{}`},
		{"PUT", path, `{"client_name": "y"}`},
		{"POST", clients, `{"client_id": "` + id + `"}`},
		{"POST", path + "/secrets/rotate/start", ``},
		{"POST", path + "/secrets/rotate", ``},
		{"GET", path, ``},
		{"POST", clients + "/search", `{}`},
		{"DELETE", path, ``},
	} {
		later.WriteString(call(t, a, c[0], c[1], c[2]).text)
	}
	for _, s := range []string{secret, nextSecret, a.Secret()} {
		if strings.Contains(later.String(), s) {
			t.Error("a secret was shown again")
		}
	}
	if !strings.Contains(later.String(), id) {
		t.Error("the test looked at nothing")
	}
}
