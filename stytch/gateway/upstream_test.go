package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// TestTokenEndpointUpstream checks the response for each response of upstream.
func TestTokenEndpointUpstream(t *testing.T) {
	const good = `"access_token":"a.b.c","token_type":"bearer","expires_in":60`
	retry := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	for _, tt := range []struct {
		name   string
		outage m2mtest.Outage
		status int
		code   string // of the error; "" for a token
		retry  string // Retry-After
	}{
		{"a token", m2mtest.Outage{Status: 200, Body: `{` + good + `}`}, 200, "", ""},
		{"the type in capitals", m2mtest.Outage{Status: 200, Body: strings.Replace(`{`+good+`}`, "bearer", "Bearer", 1)}, 200, "", ""},
		{"more members", m2mtest.Outage{Status: 200, Body: `{` + good + `,"refresh_token":"hush","request_id":"hush","scope":"hush"}`}, 200, "", ""},

		{"an empty token", m2mtest.Outage{Status: 200, Body: `{"access_token":"","token_type":"bearer","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"no token", m2mtest.Outage{Status: 200, Body: `{"token_type":"bearer","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"a token that is no string", m2mtest.Outage{Status: 200, Body: `{"access_token":{"hush":1},"token_type":"bearer","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"a token with a line's end", m2mtest.Outage{Status: 200, Body: `{"access_token":"a\nb","token_type":"bearer","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"another type", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"mac","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"no type", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","expires_in":60}`}, 503, "temporarily_unavailable", "5"},
		{"no expiry", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"bearer"}`}, 503, "temporarily_unavailable", "5"},
		{"expiry zero", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"bearer","expires_in":0}`}, 503, "temporarily_unavailable", "5"},
		{"expiry negative", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"bearer","expires_in":-1}`}, 503, "temporarily_unavailable", "5"},
		{"expiry a string", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"bearer","expires_in":"60"}`}, 503, "temporarily_unavailable", "5"},
		{"expiry beyond reason", m2mtest.Outage{Status: 200, Body: `{"access_token":"hush","token_type":"bearer","expires_in":1e300}`}, 503, "temporarily_unavailable", "5"},
		{"a duplicate member", m2mtest.Outage{Status: 200, Body: `{` + good + `,"access_token":"hush"}`}, 503, "temporarily_unavailable", "5"},
		{"no JSON", m2mtest.Outage{Status: 200, Body: `<html>hush`}, 503, "temporarily_unavailable", "5"},
		{"201", m2mtest.Outage{Status: 201, Body: `{` + good + `}`}, 503, "temporarily_unavailable", "5"},
		{"too long", m2mtest.Outage{Status: 200, Body: `{` + good + `}` + strings.Repeat(" ", 128<<10)}, 503, "temporarily_unavailable", "5"},

		{"an unknown client", m2mtest.Outage{Status: 404, Body: `{"error_type":"m2m_client_not_found","error_message":"hush"}`}, 401, "invalid_client", ""},
		{"a wrong secret", m2mtest.Outage{Status: 401, Body: `{"error":"invalid_client","error_description":"hush"}`}, 401, "invalid_client", ""},
		{"a wrong secret with 400", m2mtest.Outage{Status: 400, Body: `{"error":"invalid_client","error_uri":"hush"}`}, 401, "invalid_client", ""},
		{"a scope too many", m2mtest.Outage{Status: 400, Body: `{"error":"invalid_scope","error_description":"hush"}`}, 400, "invalid_scope", ""},
		{"an invalid request", m2mtest.Outage{Status: 400, Body: `{"error":"invalid_request","error_description":"hush"}`}, 400, "invalid_request", ""},
		{"an unauthorized client", m2mtest.Outage{Status: 400, Body: `{"error":"unauthorized_client","error_description":"hush"}`}, 401, "invalid_client", ""},
		{"an invalid grant", m2mtest.Outage{Status: 400, Body: `{"error":"invalid_grant","error_description":"hush"}`}, 401, "invalid_client", ""},
		{"401 of Stytch's own shape", m2mtest.Outage{Status: 401, Body: `{"error_type":"unauthorized_credentials","error_message":"hush"}`}, 401, "invalid_client", ""},
		{"401 without a word", m2mtest.Outage{Status: 401}, 401, "invalid_client", ""},
		{"401 in HTML", m2mtest.Outage{Status: 401, Body: `<html>hush`}, 401, "invalid_client", ""},
		{"401 too long", m2mtest.Outage{Status: 401, Body: strings.Repeat("hush", 128<<10)}, 401, "invalid_client", ""},

		{"400 of another", m2mtest.Outage{Status: 400, Body: `hush`}, 503, "temporarily_unavailable", "5"},
		{"403 of a proxy", m2mtest.Outage{Status: 403, Body: `hush`}, 503, "temporarily_unavailable", "5"},
		{"407 with a client's error", m2mtest.Outage{Status: 407, Body: `{"error":"invalid_client"}`}, 503, "temporarily_unavailable", "5"},
		{"another error", m2mtest.Outage{Status: 400, Body: `{"error":"unsupported_grant_type","hush":1}`}, 503, "temporarily_unavailable", "5"},
		{"no such project", m2mtest.Outage{Status: 404, Body: `{"error_type":"project_not_found","error_message":"hush"}`}, 503, "temporarily_unavailable", "5"},
		{"invalid_client with 500", m2mtest.Outage{Status: 500, Body: `{"error":"invalid_client"}`}, 503, "temporarily_unavailable", "5"},
		{"a redirect", m2mtest.Outage{Status: 307, Header: http.Header{"Location": {"http://localhost/hush"}}}, 503, "temporarily_unavailable", "5"},
		{"429", m2mtest.Outage{Status: 429, Header: retry("17"), Body: `hush`}, 503, "temporarily_unavailable", "17"},
		{"429 with a client's error", m2mtest.Outage{Status: 429, Body: `{"error":"invalid_client"}`}, 503, "temporarily_unavailable", "5"},
		{"503", m2mtest.Outage{Status: 503, Header: retry("30"), Body: `hush`}, 503, "temporarily_unavailable", "30"},
		{"503 for ever", m2mtest.Outage{Status: 503, Header: retry("999999")}, 503, "temporarily_unavailable", "300"},
		{"503 without a word", m2mtest.Outage{Status: 503, Header: retry("hush")}, 503, "temporarily_unavailable", "5"},
		{"a dropped connection", m2mtest.Outage{Drop: true}, 503, "temporarily_unavailable", "5"},
		{"a hanging server", m2mtest.Outage{Hang: true}, 503, "temporarily_unavailable", "5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := gateway.TokenEndpointOptions{}
			if tt.outage.Hang {
				opts.Timeout = 20 * time.Millisecond
			}
			s := newSaaS(t, opts)
			s.Fail(tt.outage)
			a := s.post(t, "grant_type=client_credentials&client_id="+s.id+"&client_secret="+s.secret, formType)
			if tt.code == "" {
				if a.status != 200 || len(a.body) != 3 || a.body["access_token"] != "a.b.c" || a.body["token_type"] != "Bearer" || a.body["expires_in"] != 60.0 {
					t.Errorf("status %d: %s", a.status, a.text)
				}
			} else {
				wantRefusal(t, a, tt.status, tt.code)
			}
			if got := a.header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After %q, want %q", got, tt.retry)
			}
			if strings.Contains(a.text, "hush") || strings.Contains(a.text, s.ProjectID()) || strings.Contains(strings.ToLower(a.text), "stytch") {
				t.Errorf("text of upstream's: %s", a.text)
			}
			if s.upstream.Count() != 1 {
				t.Errorf("%d requests upstream, want 1", s.upstream.Count())
			}
			if told := s.last(); told.Status != a.status || (told.Err == nil) != (tt.code == "") {
				t.Errorf("Observe was told %+v", told)
			} else if told.Err != nil && strings.Count(told.Err.Error(), "upstream:") != 1 {
				t.Errorf("Err = %q, want upstream named once", told.Err)
			}
		})
	}
}

// TestTokenEndpointOneAnswer checks that an unknown client, a wrong secret and an
// inactive client get the same response, byte for byte.
func TestTokenEndpointOneAnswer(t *testing.T) {
	s := newSaaS(t, gateway.TokenEndpointOptions{})
	api, err := stytch.New(s.ProjectID(), stytch.NewSecret(s.Secret()), &stytch.Options{BaseURL: "http://localhost", Transport: s.upstream})
	if err != nil {
		t.Fatal(err)
	}
	sleeping, secret := s.CreateClient("sleeping")
	if _, err := api.UpdateClient(t.Context(), sleeping, stytch.UpdateParams{Status: new(stytch.Inactive)}); err != nil {
		t.Fatal(err)
	}
	var first answer
	for i, c := range [][2]string{{"nobody", "wrong-secret"}, {s.id, "wrong-secret"}, {sleeping, secret}} {
		a := s.post(t, "grant_type=client_credentials&client_id="+c[0]+"&client_secret="+c[1], formType)
		wantRefusal(t, a, 401, "invalid_client")
		b := s.post(t, "grant_type=client_credentials", formType, basic(c[0], c[1]))
		wantRefusal(t, b, 401, "invalid_client")
		if b.header.Get("WWW-Authenticate") != `Basic realm="token"` || a.header.Get("WWW-Authenticate") != "" {
			t.Errorf("WWW-Authenticate %q by Basic, %q by form", b.header.Get("WWW-Authenticate"), a.header.Get("WWW-Authenticate"))
		}
		if i == 0 {
			first = a
		}
		a.header.Del("Date")
		first.header.Del("Date")
		if a.text != first.text || b.text != first.text || len(a.header) != len(first.header) {
			t.Errorf("%s is told apart: %s", c[0], a.text)
		}
	}
}

// TestTokenEndpointChunked checks a request without Content-Length.
func TestTokenEndpointChunked(t *testing.T) {
	s := newSaaS(t, gateway.TokenEndpointOptions{})
	body, write := io.Pipe()
	go func() {
		io.WriteString(write, "grant_type=client_credentials&client_id="+s.id)
		io.WriteString(write, "&client_secret="+s.secret)
		write.Close()
	}()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Post("http://"+s.addr+"/", "application/x-www-form-urlencoded", body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestTokenEndpointMistakes(t *testing.T) {
	h, err := gateway.NewTokenEndpoint("x", &gateway.TokenEndpointOptions{
		BaseURL: "http://example.com", Timeout: -1, Parameters: []string{"", "scope", "refresh_token"},
		PerAddress: gateway.Limit{PerSecond: 1}, Failures: gateway.Limit{Burst: 1}, Tracked: -1, KeySet: &gateway.KeySet{},
	})
	for _, want := range []string{
		"no project ID", "BaseURL", "Timeout", "Parameters[0] is empty", `"scope", which is always`, `"refresh_token", which belongs`,
		"PerAddress", "Failures", "Tracked", "KeySet",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if h != nil {
		t.Error("a handler beside the error")
	}
	if _, err := gateway.NewTokenEndpoint(stytchtest.Project, nil); err != nil {
		t.Error(err)
	}
}
