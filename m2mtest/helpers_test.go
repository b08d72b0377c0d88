package m2mtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// newAuthority starts an authority with a fast ES256 key.
func newAuthority(t *testing.T, opts m2mtest.Options) *m2mtest.Authority {
	t.Helper()
	if opts.Key == nil {
		opts.Key = m2mtest.NewKey("ES256")
	}
	a := m2mtest.NewAuthority(&opts)
	t.Cleanup(a.Close)
	return a
}

// reply is a response with its body as JSON and as text.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// send makes a request; edit may change it.
func send(t *testing.T, method, url, body string, edit func(*http.Request)) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if resp.Header.Get("Content-Type") == "application/json" && len(text) > 0 {
		if err := json.Unmarshal(text, &r.body); err != nil {
			t.Fatalf("%s %s: %v in %q", method, url, err, text)
		}
	}
	return r
}

// call makes one of the API's calls, with the project's credentials.
func call(t *testing.T, a *m2mtest.Authority, method, path, body string) reply {
	t.Helper()
	return send(t, method, a.URL()+path, body, func(r *http.Request) {
		r.SetBasicAuth(a.ProjectID(), a.Secret())
		r.Header.Set("Content-Type", "application/json")
	})
}

// client returns the m2m_client of a response.
func (r reply) client(t *testing.T) map[string]any {
	t.Helper()
	c, ok := r.body["m2m_client"].(map[string]any)
	if !ok {
		t.Fatalf("the body = %s, want an m2m_client", r.text)
	}
	return c
}

// token requests a token with credentials in a form.
func token(t *testing.T, a *m2mtest.Authority, id, secret string) reply {
	t.Helper()
	return form(t, a, "grant_type=client_credentials&client_id="+id+"&client_secret="+secret)
}

func form(t *testing.T, a *m2mtest.Authority, body string) reply {
	t.Helper()
	return send(t, "POST", a.TokenURL(), body, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
}

// wantStytchError asserts a complete error in Stytch's form.
func wantStytchError(t *testing.T, r reply, status int, errorType string) {
	t.Helper()
	if r.status != status || r.body["error_type"] != errorType {
		t.Errorf("status %d, error_type %v; want %d, %s\n%s", r.status, r.body["error_type"], status, errorType, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "error_type", "error_message", "error_url")
}

// wantOAuthError asserts a complete error in OAuth's form.
func wantOAuthError(t *testing.T, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.body["error"] != code {
		t.Errorf("status %d, error %v; want %d, %s\n%s", r.status, r.body["error"], status, code, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "error", "error_description", "error_uri")
}

// wantMembers asserts the members of a response, and that they match its status.
func wantMembers(t *testing.T, r reply, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := r.body[name]; !ok {
			t.Errorf("the body = %s, want a member %s", r.text, name)
		}
	}
	if len(r.body) != len(names) {
		t.Errorf("the body = %s, want %v alone", r.text, names)
	}
	if r.body["status_code"] != float64(r.status) {
		t.Errorf("status_code = %v, want %d as the status", r.body["status_code"], r.status)
	}
	if id, _ := r.body["request_id"].(string); !strings.HasPrefix(id, "request-id-test-") || len(id) != 52 {
		t.Errorf("request_id = %q, want request-id-test- and a UUID", id)
	}
}

// serve makes a request without a socket.
func serve(t *testing.T, h http.Handler, method, path string) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code
}
