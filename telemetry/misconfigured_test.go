package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	authName = "https://auth.example.com"
	orders   = "https://orders.example.com"
)

// setting is a service that was set up, and one call of it.
type setting struct {
	cfg       verifier.Config
	token     m2mtest.TokenSpec
	call      func(t *testing.T, v *verifier.Verifier, token string) iter.Seq2[string, scopes.Requirement] // an Authorize if nil
	authority *m2mtest.Authority                                                                           // with a server
}

// issuer returns the issuer, to change it.
func (s *setting) issuer() *verifier.Issuer { return &s.cfg.Issuers[0] }

// transport makes the keys come through a transport.
func (s *setting) transport(tr *http.Transport) {
	s.issuer().JWKS.Transport = tr
	s.issuer().JWKS.InsecureHTTP = true
}

// misconfigurations are what goes wrong most often. Each has one line in the log
// and one place on the page that name the cause and the fix.
var misconfigurations = []struct {
	name   string
	change func(t *testing.T, s *setting)

	reason      verifier.Reason
	found, want string // parts of the cause: what was found, and what was expected; or the operation
	hint        string // a part of it
}{
	{"wrong audience", func(t *testing.T, s *setting) { s.token.Audience = []string{"https://billing.example.com"} },
		verifier.Audience, `"aud" is ["https://billing.example.com"]`, `"https://orders.example.com"`,
		"request one for this service"},
	{"wrong URL", func(t *testing.T, s *setting) { s.issuer().JWKSURL += "/wrong" },
		verifier.KeysUnavailable, "/wrong: the server answered 404", "",
		"no key set at this address: Issuer.JWKSURL is wrong"},
	{"http for https", func(t *testing.T, s *setting) { s.issuer().Name = "http://auth.example.com" },
		verifier.UnknownIssuer, `"iss" is "https://auth.example.com"`, `"http://auth.example.com"`,
		"the names differ in http, https or the final slash"},
	{"trailing slash of the issuer", func(t *testing.T, s *setting) { s.issuer().Name = authName + "/" },
		verifier.UnknownIssuer, `"iss" is "https://auth.example.com"`, `"https://auth.example.com/"`,
		"the configured issuer ends with a slash and the token's does not"},
	{"trailing slash of the audience", func(t *testing.T, s *setting) { s.token.Audience = []string{orders + "/"} },
		verifier.Audience, `"aud" is ["https://orders.example.com/"]`, `"https://orders.example.com"`,
		"the token's audience ends with a slash and the configured one does not"},
	{"clock 10 minutes behind", func(t *testing.T, s *setting) {
		s.cfg.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
	}, verifier.NotYetValid, `"nbf" `, "", "this machine's clock is behind"},
	{"clock 10 minutes ahead", func(t *testing.T, s *setting) {
		s.cfg.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		s.token.TTL = 5 * time.Minute
	}, verifier.Expired, `"exp" `, "", "if it was new, this machine's clock is ahead"},
	{"authority down at start", func(t *testing.T, s *setting) { s.authority.Close() },
		verifier.KeysUnavailable, "connection refused", "",
		"nothing listens at this address: the authority is down"},
	{"authority hanging", func(t *testing.T, s *setting) {
		s.authority.Fail(m2mtest.Outage{Hang: true})
		s.issuer().JWKS.FetchTimeout = 250 * time.Millisecond
	}, verifier.KeysUnavailable, "the fetch took too long", "", "the authority does not answer in time"},
	{"wrong key set", func(t *testing.T, s *setting) {
		other := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")})
		t.Cleanup(other.Close)
		s.issuer().JWKSURL = other.Issuer().JWKSURL
		s.token.IssuedAt = time.Now().Add(-20 * time.Minute)
	}, verifier.KeyUnknown, `is not published: the keys are "jwk-test-`, "", "Issuer.JWKSURL names another key set"},
	{"a page in place of the key set", func(t *testing.T, s *setting) {
		s.authority.Fail(m2mtest.Outage{Status: 200, Body: "<html>Log in</html>"})
	}, verifier.KeysUnavailable, "key set: not a JSON object", "", "a proxy's page answered in its place"},
	{"proxy that refuses", func(t *testing.T, s *setting) {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }))
		t.Cleanup(proxy.Close)
		u, _ := url.Parse(proxy.URL)
		s.transport(&http.Transport{Proxy: http.ProxyURL(u)})
		s.issuer().JWKSURL = authName + "/jwks.json"
	}, verifier.KeysUnavailable, "Forbidden", "", "the proxy refuses the connection: check HTTPS_PROXY"},
	{"proxy that is down", func(t *testing.T, s *setting) {
		s.transport(&http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: closedAddress(t)})})
		s.issuer().JWKSURL = authName + "/jwks.json"
	}, verifier.KeysUnavailable, "proxyconnect tcp", "", "the proxy can't be reached: check HTTPS_PROXY"},
	{"no DNS entry", func(t *testing.T, s *setting) {
		dialer := &net.Dialer{Resolver: resolver(t)}
		s.transport(&http.Transport{DialContext: dialer.DialContext})
		s.issuer().JWKSURL = "https://auth.wrong.example/jwks.json"
	}, verifier.KeysUnavailable, "lookup auth.wrong.example", "", "no DNS entry for the host"},
	{"scope in another claim", func(t *testing.T, s *setting) {
		s.token.Claims["scope"], s.token.Claims["permissions"] = m2mtest.Absent, []string{"read:orders"}
	}, verifier.ScopeMissing, "granted no scopes", `all("read:orders")`,
		"the token has it in the claim permissions: Issuer.ScopeClaims does not list that"},
	{"method misspelt", misspeltMethod,
		verifier.NoRequirement, "/grpc.health.v1.Health/Check", "", "is its name misspelt in the policy"},
	{"route forgotten", forgottenRoute,
		verifier.NoRequirement, "/orders", "", "CheckCoverage finds that at start-up"},
	{"huge token", func(t *testing.T, s *setting) { s.token.Claims["roles"] = strings.Repeat("admin ", 2000) },
		verifier.TooLarge, "the token has ", "at most 8192", "raise Config.MaxTokenBytes and the header limits of proxies"},
	{"a person's token", func(t *testing.T, s *setting) { s.token.Claims["sub"] = "user-7" },
		verifier.NotMachine, `"sub" is "user-7"`, `the client ID "worker"`, "it looks like a person's token"},
}

// TestMisconfigurations makes each mistake, calls the service once, and looks for
// cause and fix in the log and on the page.
func TestMisconfigurations(t *testing.T) {
	for _, test := range misconfigurations {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			recent := new(telemetry.Recent)
			s := newSetting(t)
			s.cfg.Observe = []func(context.Context, verifier.Decision){
				telemetry.Audit(slog.New(slog.NewJSONHandler(&log, nil)), nil), recent.Observe,
			}
			test.change(t, s)
			v, err := verifier.New(s.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			awaitFetch(t, v)
			c := telemetry.StatusConfig{Verifier: v, Recent: recent}
			if listed := s.call(t, v, s.authority.Token(s.token)); listed != nil {
				c.Operations = append(c.Operations, listed)
			}

			var record struct{ Level, Msg, Reason, Operation, Cause, Hint string }
			if lines := strings.Count(log.String(), "\n"); lines != 1 {
				t.Fatalf("the log has %d lines, want 1:\n%s", lines, &log)
			}
			if err := json.Unmarshal(log.Bytes(), &record); err != nil {
				t.Fatal(err)
			}
			if record.Msg != "auth decision" || record.Reason != string(test.reason) {
				t.Errorf("the log says %+v, want the Reason %s", record, test.reason)
			}
			entry := onPage(t, get(statusOf(t, c), localRequest("GET", "/")).Body.String(), string(test.reason))
			for what, part := range map[string]string{"what was found": test.found, "what was expected": test.want, "the fix": test.hint} {
				if !strings.Contains(record.Operation+"\n"+record.Cause+"\n"+record.Hint, part) {
					t.Errorf("the log lacks %s, %q: %+v", what, part, record)
				}
				if !strings.Contains(entry, part) {
					t.Errorf("the page's entry lacks %s, %q:\n%s", what, part, entry)
				}
			}
			if test.hint == "" || !strings.Contains(record.Hint, test.hint) {
				t.Errorf("hint = %q, want %q", record.Hint, test.hint)
			}
			t.Logf("%s | cause=%s | hint=%s", record.Level, record.Cause, record.Hint)
		})
	}
}

// onPage returns the text of the page's one entry for a refusal. Cause and fix must be
// in it, and not somewhere on the page.
func onPage(t *testing.T, page, reason string) string {
	t.Helper()
	_, section, _ := strings.Cut(page, "reason <code>"+reason+"</code>")
	section, _, _ = strings.Cut(section, "</details>")
	_, list, _ := strings.Cut(section, `<ol class="refusals">`)
	entries := strings.Split(list, "<li>")
	if len(entries) != 2 {
		t.Fatalf("the page has %d entries for %s, want 1:\n%s", len(entries)-1, reason, page)
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(entries[1], ""))
}

// newSetting returns a service that is set up well.
func newSetting(t *testing.T) *setting {
	a := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")})
	t.Cleanup(a.Close)
	return &setting{
		authority: a,
		cfg: verifier.Config{Issuers: []verifier.Issuer{{
			Name: authName, Audiences: []string{orders}, JWKSURL: a.Issuer().JWKSURL, Algorithms: []string{"ES256"}, Accept: verifier.SubjectIsClient,
		}}},
		token: m2mtest.TokenSpec{
			Issuer: authName, Audience: []string{orders}, ClientID: "worker", Scopes: []string{"read:orders"},
			Claims: map[string]any{"client_id": "worker"},
		},
		call: func(t *testing.T, v *verifier.Verifier, token string) iter.Seq2[string, scopes.Requirement] {
			r := verifier.Request{Operation: "GET /orders", Authorization: []string{"Bearer " + token}}
			if _, err := v.Authorize(context.Background(), r, scopes.All("read:orders")); err == nil {
				t.Error("Authorize() = nil, want a refusal")
			}
			return nil
		},
	}
}

// TestWellConfigured: without a mistake, the call is allowed.
func TestWellConfigured(t *testing.T) {
	s := newSetting(t)
	v, err := verifier.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	r := verifier.Request{Authorization: []string{"Bearer " + s.authority.Token(s.token)}}
	if _, err := v.Authorize(context.Background(), r, scopes.All("read:orders")); err != nil {
		t.Errorf("Authorize() = %v, want nil", err)
	}
}

// awaitFetch waits until the first fetch has ended.
func awaitFetch(t *testing.T, v *verifier.Verifier) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if st := v.Status()[0]; st.State != verifier.KeysCold || st.LastError != nil {
			return
		}
	}
	t.Fatal("the first fetch did not end within 10 s")
}

// closedAddress returns an address at which nothing listens.
func closedAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// resolver returns a resolver whose server knows no name (RFC 1035 §4.1.1, NXDOMAIN).
func resolver(t *testing.T) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if n < 12 {
				continue
			}
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end = min(end+5, n)                                                                         // the name's end, type and class
			reply := append([]byte{buf[0], buf[1], 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:end]...) // 0x8183: a response, recursion, NXDOMAIN
			server.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
