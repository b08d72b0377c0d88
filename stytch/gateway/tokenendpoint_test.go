package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// TestTokenEndpointRefuses has a row for each refusal without a request upstream.
// TestTokenEndpointAccepts has one for each form of an accepted request.
func TestTokenEndpointRefuses(t *testing.T) {
	s := newSaaS(t, gateway.TokenEndpointOptions{Parameters: []string{"tenant"}})
	creds := "client_id=" + s.id + "&client_secret=" + s.secret
	good := "grant_type=client_credentials&" + creds
	goodJSON := `"grant_type":"client_credentials","client_id":"` + s.id + `","client_secret":"` + s.secret + `"`
	auth := basic(s.id, s.secret)
	const request, client, grant, scope = "invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"
	for _, tt := range []struct {
		name    string
		start   string // "POST /oauth2/token" if ""
		headers []string
		body    string
		status  int
		code    string
	}{
		{"GET", "GET /oauth2/token", []string{formType}, good, 405, request},
		{"GET with everything in the query", "GET /oauth2/token?" + good, nil, "", 405, request},
		{"PUT", "PUT /oauth2/token", []string{formType}, good, 405, request},
		{"OPTIONS", "OPTIONS /oauth2/token", []string{formType}, good, 405, request},
		{"a method in lower case", "post /oauth2/token", []string{formType}, good, 405, request},

		{"a query string", "POST /oauth2/token?a=b", []string{formType}, good, 400, request},
		{"an empty query string", "POST /oauth2/token?", []string{formType}, good, 400, request},
		{"credentials in the query", "POST /oauth2/token?" + creds, []string{formType}, "grant_type=client_credentials", 400, request},

		{"a duplicate parameter", "", []string{formType}, good + "&grant_type=client_credentials", 400, request},
		{"a duplicate unknown parameter", "", []string{formType}, good + "&x=1&x=2", 400, request},
		{"a duplicate, once empty", "", []string{formType}, good + "&scope=&scope=read:reports", 400, request},
		{"a duplicate, escaped", "", []string{formType}, good + "&%67rant_type=client_credentials", 400, request},
		{"a duplicate member", "", []string{jsonType}, `{` + goodJSON + `,"grant_type":"client_credentials"}`, 400, request},
		{"a duplicate member, escaped", "", []string{jsonType}, `{` + goodJSON + `,"\u0067rant_type":"client_credentials"}`, 400, request},
		{"a duplicate member, deeper", "", []string{jsonType}, `{` + goodJSON + `,"x":{"a":1,"a":2}}`, 400, request},

		{"Basic and the body", "", []string{formType, auth}, good, 400, request},
		{"Basic and a secret", "", []string{formType, auth}, "grant_type=client_credentials&client_secret=x", 400, request},
		{"Basic and another client's ID", "", []string{formType, auth}, "grant_type=client_credentials&client_id=x", 400, request},
		{"Basic and JSON", "", []string{jsonType, auth}, `{` + goodJSON + `}`, 400, request},
		{"Basic twice", "", []string{formType, auth, auth}, "grant_type=client_credentials", 400, request},
		{"Bearer and the body", "", []string{formType, "Authorization: Bearer x"}, good, 400, request},
		{"an assertion and a secret", "", []string{formType}, good + "&client_assertion=x", 400, request},
		{"an assertion and Basic", "", []string{formType, auth}, "grant_type=client_credentials&client_assertion_type=x", 400, request},

		{"gzip", "", []string{formType, "Content-Encoding: gzip"}, zipped(good), 400, request},
		{"identity", "", []string{formType, "Content-Encoding: identity"}, good, 400, request},
		{"an empty Content-Encoding", "", []string{formType, "Content-Encoding:"}, good, 400, request},

		{"no media type", "", nil, good, 400, request},
		{"multipart", "", []string{"Content-Type: multipart/form-data; boundary=x"}, good, 400, request},
		{"text", "", []string{"Content-Type: text/plain"}, good, 400, request},
		{"a relative of JSON", "", []string{"Content-Type: application/json-seq"}, `{` + goodJSON + `}`, 400, request},
		{"a media type in parts", "", []string{"Content-Type: application/json; application/x-www-form-urlencoded"}, good, 400, request},
		{"two media types", "", []string{formType, jsonType}, good, 400, request},
		{"another charset", "", []string{formType + "; charset=utf-7"}, good, 400, request},
		{"a form that is JSON", "", []string{formType}, `{` + goodJSON + `}`, 400, request},
		{"JSON that is a form", "", []string{jsonType}, good, 400, request},
		{"JSON that is an array", "", []string{jsonType}, `[{` + goodJSON + `}]`, 400, request},
		{"JSON with a number", "", []string{jsonType}, `{` + goodJSON + `,"scope":1}`, 400, request},
		{"JSON with null for the grant", "", []string{jsonType}, strings.Replace(`{`+goodJSON+`}`, `"client_credentials"`, "null", 1), 400, request},
		{"JSON with an object for an assertion", "", []string{jsonType}, `{` + goodJSON + `,"client_assertion":{}}`, 400, request},
		{"JSON with a number for a named parameter", "", []string{jsonType}, `{` + goodJSON + `,"tenant":1}`, 400, request},
		{"JSON with a tail", "", []string{jsonType}, `{` + goodJSON + `}{}`, 400, request},
		{"JSON in another case", "", []string{jsonType}, strings.ReplaceAll(`{`+goodJSON+`}`, "grant_type", "Grant_Type"), 400, request},
		{"nothing", "", []string{formType}, "", 400, request},
		{"a semicolon", "", []string{formType}, good + ";x=1", 400, request},
		{"a bad escape", "", []string{formType}, good + "&x=%zz", 400, request},
		{"invalid UTF-8", "", []string{formType}, good + "&x=%ff", 400, request},
		{"a control character", "", []string{formType}, "grant_type=client_credentials&client_id=a%0ab&client_secret=x", 400, request},
		{"too long", "", []string{formType}, good + "&x=" + strings.Repeat("x", 16<<10), 413, request},

		{"Basic that is not base64", "", []string{formType, "Authorization: Basic !!!"}, "grant_type=client_credentials", 400, request},
		{"Basic without a colon", "", []string{formType, "Authorization: Basic eA=="}, "grant_type=client_credentials", 400, request},
		{"Basic with a bad escape", "", []string{formType, basic("%zz", "x")}, "grant_type=client_credentials", 400, request},
		{"Basic with control characters", "", []string{formType, basic("a%00", "x")}, "grant_type=client_credentials", 400, request},

		{"no grant_type", "", []string{formType}, creds, 400, request},
		{"an empty grant_type", "", []string{formType}, creds + "&grant_type=", 400, request},
		{"a user's grant", "", []string{formType}, creds + "&grant_type=authorization_code&code=x", 400, grant},
		{"a refresh", "", []string{formType}, creds + "&grant_type=refresh_token&refresh_token=x", 400, grant},
		{"the grant in another case", "", []string{formType}, creds + "&grant_type=Client_Credentials", 400, grant},

		{"no credentials", "", []string{formType}, "grant_type=client_credentials", 401, client},
		{"no secret", "", []string{formType}, "grant_type=client_credentials&client_id=" + s.id, 401, client},
		{"an empty secret", "", []string{formType}, "grant_type=client_credentials&client_secret=&client_id=" + s.id, 401, client},
		{"no secret by Basic", "", []string{formType, basic(s.id, "")}, "grant_type=client_credentials", 401, client},
		{"Bearer", "", []string{formType, "Authorization: Bearer x"}, "grant_type=client_credentials&client_id=" + s.id, 401, client},
		{"an assertion alone", "", []string{formType}, "grant_type=client_credentials&client_assertion=x", 401, client},

		{"a scope with a quote", "", []string{formType}, good + "&scope=%22", 400, scope},
		{"a scope with two spaces", "", []string{formType}, good + "&scope=a++b", 400, scope},
		{"a scope outside ASCII", "", []string{jsonType}, `{` + goodJSON + `,"scope":"ä"}`, 400, scope},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := tt.start
			if start == "" {
				start = "POST /oauth2/token"
			}
			a := s.send(t, start, tt.headers, tt.body)
			wantRefusal(t, a, tt.status, tt.code)
			usedHeader := false
			for _, h := range tt.headers {
				usedHeader = usedHeader || strings.HasPrefix(h, "Authorization:")
			}
			if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 401 && usedHeader) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if allow := a.header.Get("Allow"); (allow == "POST") != (tt.status == 405) {
				t.Errorf("Allow %q", allow)
			}
			if told := s.last(); told.Status != tt.status || told.Code != tt.code || told.Err == nil {
				t.Errorf("Observe was told %+v", told)
			}
			if strings.Contains(fmt.Sprint(s.last()), s.secret) {
				t.Error("Observe was told the secret")
			}
		})
	}
	if s.upstream.Count() != 0 {
		t.Errorf("upstream was asked: %q", s.upstream.Requests())
	}
}

// wantRefusal checks a whole error response (RFC 6749 §5.2).
func wantRefusal(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.body["error"] != code {
		t.Errorf("status %d, error %v; want %d, %s\n%s", a.status, a.body["error"], status, code, a.text)
	}
	if description, _ := a.body["error_description"].(string); len(a.body) != 2 || description == "" {
		t.Errorf("not just error and error_description: %s", a.text)
	}
	wantHeaders(t, a)
}

func wantHeaders(t *testing.T, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestTokenEndpointAccepts(t *testing.T) {
	s := newSaaS(t, gateway.TokenEndpointOptions{})
	const grant = "grant_type=client_credentials"
	creds := "&client_id=" + s.id + "&client_secret=" + s.secret
	goodJSON := `{"grant_type":"client_credentials","client_id":"` + s.id + `","client_secret":"` + s.secret + `"`
	for _, tt := range []struct {
		name    string
		headers []string
		body    string
		scope   string // that the token has
	}{
		{"a form", []string{formType}, grant + creds, "read:reports write:reports"},
		{"a form with a charset", []string{formType + ";charset=UTF-8"}, grant + creds, "read:reports write:reports"},
		{"JSON", []string{jsonType}, `{"grant_type":"client_credentials","client_id":"` + s.id + `","client_secret":"` + s.secret + `"}`, "read:reports write:reports"},
		{"Basic", []string{formType, basic(s.id, s.secret)}, grant, "read:reports write:reports"},
		{"Basic in another case", []string{formType, strings.Replace(basic(s.id, s.secret), "Basic", "bAsIc", 1)}, grant, "read:reports write:reports"},
		{"Basic, form-encoded", []string{formType, basic(strings.ReplaceAll(s.id, "-", "%2D"), s.secret)}, grant, "read:reports write:reports"},
		{"Basic and the same ID", []string{formType, basic(s.id, s.secret)}, grant + "&client_id=" + s.id, "read:reports write:reports"},
		{"Basic and JSON", []string{jsonType, basic(s.id, s.secret)}, `{"grant_type":"client_credentials","scope":"read:reports"}`, "read:reports"},
		{"a scope", []string{formType}, grant + creds + "&scope=write:reports", "write:reports"},
		{"an empty scope", []string{formType}, grant + creds + "&scope=", "read:reports write:reports"},
		{"unknown parameters", []string{formType}, grant + creds + "&audience=x&resource=y", "read:reports write:reports"},
		{"an unknown parameter with a line's end", []string{formType}, grant + creds + "&note=a%0ab", "read:reports write:reports"},
		{"JSON with a null scope", []string{jsonType}, goodJSON + `,"scope":null}`, "read:reports write:reports"},
		{"JSON with a null assertion", []string{jsonType}, goodJSON + `,"client_assertion":null}`, "read:reports write:reports"},
		{"JSON with unknown members", []string{jsonType}, goodJSON + `,"a":1,"b":true,"c":null,"d":[1,{"e":2}],"f":{"g":[]},"h":"x\ny"}`, "read:reports write:reports"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.post(t, tt.body, tt.headers...)
			token, _ := a.body["access_token"].(string)
			if want := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600.0}; a.status != 200 ||
				token == "" || !reflect.DeepEqual(a.body, want) {
				t.Fatalf("status %d: %s", a.status, a.text)
			}
			wantHeaders(t, a)
			payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			if !strings.Contains(string(payload), `"scope":"`+tt.scope+`"`) {
				t.Errorf("claims %s, want scope %q", payload, tt.scope)
			}
			if told := s.last(); told.Status != 200 || told.Err != nil || told.ClientID != s.id {
				t.Errorf("Observe was told %+v", told)
			}
		})
	}
}

// TestTokenEndpointRebuilds checks that upstream gets the known parameters alone.
func TestTokenEndpointRebuilds(t *testing.T) {
	var got []*http.Request
	var bodies []string
	upstream := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r), append(bodies, string(body))
		io.WriteString(w, `{"access_token":"a.b.c","token_type":"bearer","expires_in":60}`)
	})}
	s := newSaaS(t, gateway.TokenEndpointOptions{Transport: upstream, Parameters: []string{"tenant"}})
	a := s.post(t, "grant_type=client_credentials&client_id=a%26b%3Dc&client_secret=%C3%B6%2B+x&scope=r&tenant=t1&audience=x&code=y",
		formType, "Cookie: a=b", "X-Forwarded-For: 10.0.0.1", "User-Agent: evil", "Origin: https://example.com")
	if a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.text)
	}
	form, err := url.ParseQuery(bodies[0])
	if want := (url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"a&b=c"}, "client_secret": {"ö+ x"}, "scope": {"r"}, "tenant": {"t1"},
	}); err != nil || !reflect.DeepEqual(form, want) {
		t.Errorf("upstream got %v, want %v", form, want)
	}
	if want := (http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "User-Agent": {"m2mauth"},
	}); !reflect.DeepEqual(got[0].Header, want) {
		t.Errorf("upstream got %v, want %v", got[0].Header, want)
	}
	if want := "/v1/public/" + s.ProjectID() + "/oauth2/token"; got[0].URL.Path != want || got[0].URL.RawQuery != "" || got[0].Method != "POST" {
		t.Errorf("upstream got %s %s", got[0].Method, got[0].URL)
	}
}

// TestZeroValues checks that zero handlers refuse requests with 503.
func TestZeroValues(t *testing.T) {
	for name, h := range map[string]http.Handler{"TokenEndpoint": &gateway.TokenEndpoint{}, "KeySet": &gateway.KeySet{}} {
		method := "GET"
		if name == "TokenEndpoint" {
			method = "POST"
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s{}.ServeHTTP = %d, want 503 with Retry-After", name, w.Code)
		}
	}
}
