package httpmw_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestCredentialHeader: over real connections of HTTP/1.1 and HTTP/2, the token comes
// alone in the header that is set, and from nowhere else.
func TestCredentialHeader(t *testing.T) {
	var last verifier.Reason
	authority, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) { last = d.Reason },
	}})
	guard, err := httpmw.New(v, &httpmw.Options{CredentialHeader: "cf-access-jwt-assertion"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(guard.Require(scopes.All("a"))(named("reached")))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()

	const own, auth = "Cf-Access-Jwt-Assertion", "Authorization"
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})
	weak := authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}})
	type header [2]string
	for _, tt := range []struct {
		name    string
		query   string
		headers []header
		want    int
		reason  verifier.Reason
	}{
		{"a token", "", []header{{own, token}}, 200, ""},
		{"in other letters", "", []header{{"CF-ACCESS-JWT-ASSERTION", token}}, 200, ""},
		{"beside an Authorization of the application", "", []header{{own, token}, {auth, "Basic dTpw"}}, 200, ""},
		{"beside a token in Authorization", "", []header{{own, weak}, {auth, "Bearer " + token}}, 403, verifier.ScopeMissing},
		{"nothing", "", nil, 401, verifier.CredentialsMissing},
		{"in Authorization alone", "", []header{{auth, "Bearer " + token}}, 401, verifier.CredentialsMissing},
		{"in Authorization without a scheme", "", []header{{auth, token}}, 401, verifier.CredentialsMissing},
		{"in the cookie of a browser", "", []header{{"Cookie", "CF_Authorization=" + token}}, 401, verifier.CredentialsMissing},
		{"in the query", own + "=" + token + "&access_token=" + token, nil, 401, verifier.CredentialsMissing},
		{"with underscores", "", []header{{"Cf_Access_Jwt_Assertion", token}}, 401, verifier.CredentialsMissing},
		{"in a longer name", "", []header{{"X-" + own, token}}, 401, verifier.CredentialsMissing},
		{"twice", "", []header{{own, token}, {own, token}}, 400, verifier.CredentialsMultiple},
		{"twice, in other letters", "", []header{{own, token}, {"cf-access-jwt-assertion", token}}, 400, verifier.CredentialsMultiple},
		{"a weaker one after it", "", []header{{own, token}, {own, weak}}, 400, verifier.CredentialsMultiple},
		{"an empty one before it", "", []header{{own, ""}, {own, token}}, 400, verifier.CredentialsMultiple},
		{"two in one value", "", []header{{own, token + ", " + token}}, 400, verifier.CredentialsMalformed},
		{"with a scheme", "", []header{{own, "Bearer " + token}}, 400, verifier.CredentialsMalformed},
		{"empty", "", []header{{own, ""}}, 400, verifier.CredentialsMalformed},
		{"broken", "", []header{{own, "x"}, {auth, "Bearer " + token}}, 401, verifier.Malformed},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			var res *http.Response
			if proto == "HTTP/1.1" {
				text := "GET /?" + tt.query + " HTTP/1.1\r\nHost: service.test\r\nConnection: close\r\n"
				for _, h := range tt.headers {
					text += h[0] + ": " + h[1] + "\r\n"
				}
				res, err = doortest.HTTP1(conn, text+"\r\n")
			} else {
				fields := []doortest.Field{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"},
					{Name: ":authority", Value: "service.test"}, {Name: ":path", Value: "/?" + tt.query}}
				for _, h := range tt.headers {
					fields = append(fields, doortest.Field{Name: strings.ToLower(h[0]), Value: h[1]})
				}
				res, err = doortest.HTTP2(conn, fields, nil)
			}
			conn.Close()
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.want || last != tt.reason {
				t.Errorf("%s by %s: status %d, reason %q, want %d, %q", tt.name, proto, res.StatusCode, last, tt.want, tt.reason)
			}
		}
	}
}

// TestCredentialHeaderTwoGuards: one handler may require two credentials, such as
// Cloudflare's and the application's own.
func TestCredentialHeaderTwoGuards(t *testing.T) {
	edge, outer := newGuard(t, &httpmw.Options{CredentialHeader: "Cf-Access-Jwt-Assertion"})
	own, inner := newGuard(t, nil)
	h := outer.Require(scopes.Authenticated())(inner.Require(scopes.Authenticated())(named("reached")))
	for _, tt := range []struct {
		name              string
		assertion, bearer string
		want              int
	}{
		{"both", edge.Token(m2mtest.TokenSpec{}), own.Token(m2mtest.TokenSpec{}), 200},
		{"exchanged", own.Token(m2mtest.TokenSpec{}), edge.Token(m2mtest.TokenSpec{}), 401},
		{"the first alone", edge.Token(m2mtest.TokenSpec{}), "", 401},
		{"the second alone", "", own.Token(m2mtest.TokenSpec{}), 401},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if tt.assertion != "" {
			r.Header.Set("Cf-Access-Jwt-Assertion", tt.assertion)
		}
		if tt.bearer != "" {
			r.Header.Set("Authorization", "Bearer "+tt.bearer)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

// TestCredentialHeaderMetadata: clients learn that Authorization is not read.
func TestCredentialHeaderMetadata(t *testing.T) {
	_, guard := newGuard(t, &httpmw.Options{CredentialHeader: "Cf-Access-Jwt-Assertion", Resource: "https://api.example.com"})
	meta, err := guard.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	meta.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	const want = `{"resource":"https://api.example.com","bearer_methods_supported":[]}`
	if w.Body.String() != want {
		t.Errorf("metadata %s, want %s", w.Body, want)
	}
}

func TestCredentialHeaderMistakes(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	for _, name := range []string{"authorization", "Cookie", "x y"} {
		m, err := httpmw.New(v, &httpmw.Options{CredentialHeader: name})
		if m != nil || err == nil || !strings.Contains(err.Error(), "Options.CredentialHeader is") {
			t.Errorf("New(%q) = %v, %v, want an error about Options.CredentialHeader", name, m, err)
		}
	}
}
