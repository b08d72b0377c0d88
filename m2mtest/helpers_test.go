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

// newAuthority makes one with a key that is quick to make.
func newAuthority(t *testing.T, opts m2mtest.Options) *m2mtest.Authority {
	t.Helper()
	if opts.Key == nil {
		opts.Key = m2mtest.NewKey("ES256")
	}
	a := m2mtest.NewAuthority(&opts)
	t.Cleanup(a.Close)
	return a
}

// reply is an answer, its body as JSON and as text.
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

// client is the m2m_client of an answer.
func (r reply) client(t *testing.T) map[string]any {
	t.Helper()
	c, ok := r.body["m2m_client"].(map[string]any)
	if !ok {
		t.Fatalf("no m2m_client in %s", r.text)
	}
	return c
}

// token asks the token endpoint with credentials in a form.
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

// wantStytchError asserts an error of Stytch's shape, whole.
func wantStytchError(t *testing.T, r reply, status int, errorType string) {
	t.Helper()
	if r.status != status || r.body["error_type"] != errorType {
		t.Errorf("status %d, error_type %v; want %d, %s\n%s", r.status, r.body["error_type"], status, errorType, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "error_type", "error_message", "error_url")
}

// wantOAuthError asserts an error of OAuth's shape, whole.
func wantOAuthError(t *testing.T, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.body["error"] != code {
		t.Errorf("status %d, error %v; want %d, %s\n%s", r.status, r.body["error"], status, code, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "error", "error_description", "error_uri")
}

// wantMembers asserts the members of an answer, and that they agree with it.
func wantMembers(t *testing.T, r reply, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := r.body[name]; !ok {
			t.Errorf("no %s in %s", name, r.text)
		}
	}
	if len(r.body) != len(names) {
		t.Errorf("not just %v in %s", names, r.text)
	}
	if r.body["status_code"] != float64(r.status) {
		t.Errorf("status_code %v in an answer of status %d", r.body["status_code"], r.status)
	}
	if id, _ := r.body["request_id"].(string); !strings.HasPrefix(id, "request-id-test-") || len(id) != 52 {
		t.Errorf("request_id %q", id)
	}
}

// serve makes a request without a socket.
func serve(t *testing.T, h http.Handler, method, path string) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code
}
