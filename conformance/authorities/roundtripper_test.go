package authorities_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/tokensource"
)

// calling is a client of a foreign resource server, with its tokens from a foreign
// authority.
type calling struct {
	t        *testing.T
	provider *authorities.OIDCProvider
	server   *authorities.ResourceServer
	source   *tokensource.Source
	client   *http.Client
}

// newCalling returns a client without a source: see renew.
func newCalling(t *testing.T) (*calling, authority) {
	t.Helper()
	a, p := oidcProvider(t)
	return &calling{t: t, provider: p, server: authorities.StartResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)}, a
}

// renew gives the client a new source, with a token and a whole budget.
func (w *calling) renew(t *testing.T, a authority) {
	t.Helper()
	w.t = t
	w.source = newSource(t, configOf(t, a, secretClient(t, a), authorities.ResourceES256, true))
	rt, err := w.source.RoundTripper(nil, w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.client = &http.Client{Transport: rt}
	w.token()
	w.counts()
}

func (w *calling) token() string {
	w.t.Helper()
	token, err := w.source.TokenContext(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return token.AccessToken
}

// do sends a request and returns the status.
func (w *calling) do(method, path, body string, header http.Header) int {
	w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" && res.StatusCode == 200 && !strings.Contains(string(answer), fmt.Sprintf(`"length":%d`, len(body))) {
		w.t.Errorf("%s %s: the server has got another body than one of %d bytes: %s", method, path, len(body), answer)
	}
	return res.StatusCode
}

// counts returns the statuses that the resource server has answered since the last
// time, and how many tokens the authority has issued.
func (w *calling) counts() (statuses []int, issued int) {
	w.t.Helper()
	for _, seen := range w.server.Seen() {
		statuses = append(statuses, seen.Status)
	}
	for _, r := range w.provider.TokenRequests() {
		if r.Error != "" {
			w.t.Errorf("the authority refused a request: %+v", r)
		}
		issued++
	}
	return statuses, issued
}

// TestRoundTripper sends requests to foreign resource servers that refuse the
// current token, and counts what they see.
func TestRoundTripper(t *testing.T) {
	w, a := newCalling(t)
	text := strings.Repeat("machine ", 100)
	for _, test := range []struct {
		name   string
		deny   bool
		rotate bool // the authority's keys, and the old ones are gone
		method string
		path   string
		body   string
		header http.Header

		want   []int // statuses that the server answered; the client gets the last
		issued int
	}{
		{name: "accepted", method: "GET", path: "/jwt/users", want: []int{200}},
		{name: "express-oauth2-jwt-bearer refuses the token", deny: true, method: "GET", path: "/jwt/users", want: []int{401, 200}, issued: 1},
		{name: "passport-http-bearer refuses the token", deny: true, method: "GET", path: "/passport/users", want: []int{401, 200}, issued: 1},
		{name: "the token's key was removed", rotate: true, method: "GET", path: "/jwt/users", want: []int{401, 200}, issued: 1},
		{name: "passport-jwt refuses the token, without a challenge", method: "GET", path: "/passport-jwt/users", want: []int{401}},
		{name: "not enough scopes", method: "GET", path: "/jwt/admin", want: []int{403}},
		{name: "POST is accepted", method: "POST", path: "/jwt/users", body: text, want: []int{200}},
		{name: "POST is not repeated", deny: true, method: "POST", path: "/jwt/users", body: text, want: []int{401}, issued: 1},
		{
			name: "POST with an Idempotency-Key", deny: true, method: "POST", path: "/jwt/users", body: text,
			header: http.Header{"Idempotency-Key": {"1"}}, want: []int{401, 200}, issued: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.renew(t, a)
			first := w.token()
			if test.deny {
				w.server.Deny(first)
			}
			if test.rotate {
				w.provider.RotateKeys(false)
			}
			status := w.do(test.method, test.path, test.body, test.header)
			if want := test.want[len(test.want)-1]; status != want {
				t.Errorf("status = %d, want %d", status, want)
			}
			// The next request waits for a replacement, if there is to be one.
			if status := w.do("GET", "/jwt/users", "", nil); status != 200 {
				t.Errorf("status of the next request = %d, want 200", status)
			}
			if replaced := w.token() != first; replaced != (test.issued > 0) {
				t.Errorf("the token was replaced: %t, want %t", replaced, !replaced)
			}
			want := append(slices.Clone(test.want), 200)
			if got, issued := w.counts(); !slices.Equal(got, want) || issued != test.issued {
				t.Errorf("the server answered %v and the authority issued %d, want %v and %d", got, issued, want, test.issued)
			}
		})
	}
}

// TestRoundTripperBudget calls a server that refuses every token for a while.
func TestRoundTripperBudget(t *testing.T) {
	w, a := newCalling(t)
	w.renew(t, a)
	w.server.DenyAll(true)
	for range 8 {
		if got := w.do("GET", "/jwt/users", "", nil); got != 401 {
			t.Fatalf("status = %d, want 401", got)
		}
	}
	if _, issued := w.counts(); issued > 4 {
		t.Errorf("eight refused requests made the authority issue %d tokens, want at most 4", issued)
	}
	w.server.DenyAll(false)
	if got := w.do("GET", "/jwt/users", "", nil); got != 200 {
		t.Errorf("status after the server has recovered = %d, want 200", got)
	}
}
