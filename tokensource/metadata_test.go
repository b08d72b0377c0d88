package tokensource_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

const (
	issuer    = "https://login.example.com/tenant"
	oidcPath  = "/tenant/.well-known/openid-configuration"
	oauthPath = "/.well-known/oauth-authorization-server/tenant"
)

// site is an authority with metadata at some paths.
type site struct {
	*authority
	doc map[string]string // by path: "" for 404
}

func (s *site) answer(_ int, r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return s.issue(), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch doc := s.doc[r.URL.Path]; doc {
	case "":
		return response(404, "no such page"), nil
	case "down":
		return response(503, ""), nil
	case "redirect":
		return response(302, "", "Location", "https://evil.example.com/"), nil
	default:
		return response(200, doc), nil
	}
}

func (s *site) publish(path, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doc[path] = doc
}

// paths returns what was requested.
func (s *site) paths() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.requests {
		all = append(all, r.Method+" "+r.URL.Path)
	}
	return strings.Join(all, " ")
}

func withMetadata(t *testing.T, change func(*tokensource.Config), f func(t *testing.T, a *site, s *tokensource.Source, e *events)) {
	t.Helper()
	inBubble(t, func(c *tokensource.Config) {
		c.TokenURL, c.Issuer = "", issuer
		if change != nil {
			change(c)
		}
	}, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		w := &site{a, map[string]string{}}
		a.set(func(a *authority) { a.answer = w.answer })
		f(t, w, s, e)
	})
}

const plain = `{"issuer":"` + issuer + `","token_endpoint":"https://login.example.com/tenant/token"}`

func TestMetadata(t *testing.T) {
	for _, tt := range []struct{ name, path, want string }{
		{"OpenID Connect", oidcPath, "GET " + oidcPath + " POST /tenant/token"},
		{"RFC 8414", oauthPath, "GET " + oidcPath + " GET " + oauthPath + " POST /tenant/token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withMetadata(t, nil, func(t *testing.T, a *site, s *tokensource.Source, _ *events) {
				a.publish(tt.path, plain)
				token(t, s)
				s.Invalidate("token-1")
				token(t, s) // with the same metadata
				if got := a.paths(); got != tt.want+" POST /tenant/token" {
					t.Errorf("requests: %s, want %s and another POST", got, tt.want)
				}
			})
		})
	}
}

func TestMetadataRefused(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"nothing", "", "metadata at https://login.example.com" + oidcPath + ": HTTP status 404; metadata at https://login.example.com" + oauthPath + ": HTTP status 404"},
		{"a redirect", "redirect", "HTTP status 302"},
		{"another issuer", `{"issuer":"https://evil.example.com","token_endpoint":"https://login.example.com/token"}`, `its issuer is "https://evil.example.com"`},
		{"another spelling", `{"issuer":"` + issuer + `/","token_endpoint":"https://login.example.com/token"}`, "its issuer is"},
		{"no issuer", `{"token_endpoint":"https://login.example.com/token"}`, "its issuer is"},
		{"no endpoint", `{"issuer":"` + issuer + `"}`, "no token_endpoint"},
		{"http", `{"issuer":"` + issuer + `","token_endpoint":"http://login.example.com/token"}`, "is not https"},
		{"http on loopback, of an https issuer", `{"issuer":"` + issuer + `","token_endpoint":"http://127.0.0.1/token"}`, "is not https, as its issuer is"},
		{"a relative endpoint", `{"issuer":"` + issuer + `","token_endpoint":"/token"}`, "no absolute URL"},
		{"a user", `{"issuer":"` + issuer + `","token_endpoint":"https://a:hunter2@login.example.com/token"}`, "holds credentials"},
		{"two endpoints", `{"issuer":"` + issuer + `","token_endpoint":"https://a.example.com/","token_endpoint":"https://b.example.com/"}`, "duplicate member"},
		{"methods that are no list", `{"issuer":"` + issuer + `","token_endpoint":"https://login.example.com/token","token_endpoint_auth_methods_supported":"none"}`, "is no array"},
		{"no method for a secret", `{"issuer":"` + issuer + `","token_endpoint":"https://login.example.com/token","token_endpoint_auth_methods_supported":["private_key_jwt"]}`,
			`accepts no client secret: its metadata lists ["private_key_jwt"]`},
		{"a page", `<html>`, "not a JSON object"},
		{"a large document", strings.Repeat(" ", 300<<10), "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withMetadata(t, nil, func(t *testing.T, a *site, s *tokensource.Source, _ *events) {
				a.publish(oidcPath, tt.doc)
				_, err := s.Token()
				wantError(t, "Token()", err, tt.want)
				if strings.Contains(a.paths(), "POST") || err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("Token() = %v after %s, want no token request", err, a.paths())
				}
			})
		})
	}
}

func TestMetadataStyles(t *testing.T) {
	list := func(methods string) string {
		return strings.TrimSuffix(plain, "}") + `,"token_endpoint_auth_methods_supported":` + methods + "}"
	}
	for _, tt := range []struct {
		name, doc, secret string
		style             oauth2.AuthStyle
		basic             bool
	}{
		{"no list", plain, "hush", 0, true},
		{"null", list("null"), "hush", 0, true},
		{"both", list(`["client_secret_post","client_secret_basic"]`), "hush", 0, true},
		{"both, and a secret that Basic would encode", list(`["client_secret_post","client_secret_basic"]`), "h+sh", 0, false},
		{"Basic alone, and such a secret", list(`["client_secret_basic"]`), "h+sh", 0, true},
		{"post", list(`["client_secret_post","private_key_jwt"]`), "hush", 0, false},
		{"configured", list(`["client_secret_post"]`), "hush", oauth2.AuthStyleInHeader, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withMetadata(t, func(c *tokensource.Config) {
				c.Credentials, c.AuthStyle = tokensource.Secret(clientID, tt.secret), tt.style
			}, func(t *testing.T, a *site, s *tokensource.Source, _ *events) {
				a.publish(oidcPath, tt.doc)
				token(t, s)
				_, _, basic := a.last().BasicAuth()
				if inForm := a.last().Form.Get("client_secret") == tt.secret; basic != tt.basic || inForm == tt.basic {
					t.Errorf("Basic: %t, in the form: %t, want Basic: %t", basic, inForm, tt.basic)
				}
			})
		})
	}
}

// TestMetadataRefresh: metadata is fetched again after an hour, and kept if
// that fails. A token endpoint on another origin is an error.
func TestMetadataRefresh(t *testing.T) {
	next := func(s *tokensource.Source) { // another fetch
		got, err := s.Token()
		if err == nil {
			s.Invalidate(got.AccessToken)
			s.Token()
		}
	}
	withMetadata(t, nil, func(t *testing.T, a *site, s *tokensource.Source, e *events) {
		a.publish(oidcPath, plain)
		a.life = 24 * time.Hour
		token(t, s)
		pass(59 * time.Minute)
		next(s)
		if got := strings.Count(a.paths(), "GET"); got != 1 {
			t.Errorf("%d requests for metadata in 59 minutes, want 1", got)
		}
		pass(2 * time.Minute)
		a.publish(oidcPath, strings.Replace(plain, "/tenant/token", "/tenant/v2/token", 1))
		next(s)
		if a.last().URL.Path != "/tenant/v2/token" {
			t.Errorf("the token request went to %s, want the new path", a.last().URL)
		}
		pass(2 * time.Hour)
		a.publish(oidcPath, "down")
		next(s)
		if a.last().URL.Path != "/tenant/v2/token" {
			t.Errorf("the token request went to %s, want the old one in an outage of metadata", a.last().URL)
		}
		before := token(t, s)
		for _, doc := range []string{
			strings.Replace(plain, "https://login.example.com/tenant/token", "https://evil.example.com/token", 1),
			strings.Replace(plain, "https://login.example.com/tenant/token", "https://login.example.com:8443/token", 1),
			strings.Replace(plain, issuer, "https://evil.example.com", 1),
		} {
			a.publish(oidcPath, doc)
			pass(10 * time.Minute)
			posts := strings.Count(a.paths(), "POST")
			next(s)
			pass(time.Second)
			if strings.Count(a.paths(), "POST") != posts || token(t, s) != before {
				t.Errorf("a token was requested by the metadata %s", doc)
			}
		}
		if err := e.all[len(e.all)-1].Err; err == nil || strings.Contains(a.paths(), "evil") {
			t.Errorf("the last event has the error %v", err)
		}
	})
}

func ExampleNew_mistakes() {
	_, err := tokensource.New(tokensource.Config{
		TokenURL:    "http://login.example.com/token",
		Credentials: tokensource.Secret("worker", ""),
		MaxAge:      time.Second,
	})
	fmt.Println(err)
	// Output:
	// tokensource: Config.TokenURL "http://login.example.com/token" is not https
	// tokensource: Credentials: Secret has an empty client ID or secret
	// tokensource: Config.MaxAge is 1s: want at least 10s
}
