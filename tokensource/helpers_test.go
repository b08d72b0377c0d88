package tokensource_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/tokensource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tokenURL = "https://login.example.com/token"
	clientID = "worker"
	secret   = "hush-kR8z42-hush"
)

// authority is a transport that answers token requests in virtual time.
type authority struct {
	mu       sync.Mutex
	requests []*http.Request // with a parsed Form
	issued   int
	answer   func(n int, r *http.Request) (*http.Response, error) // nil: issue
	life     time.Duration
	same     bool // issue the same token each time
	jwt      bool // issue JWTs
	hang     chan struct{}
}

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	kept := r.Clone(r.Context())
	kept.Form, _ = url.ParseQuery(string(body))
	a.mu.Lock()
	a.requests = append(a.requests, kept)
	n, answer, hang := len(a.requests), a.answer, a.hang
	a.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if answer != nil {
		return answer(n, kept)
	}
	return a.issue(), nil
}

func (a *authority) issue() *http.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.same || a.issued == 0 {
		a.issued++
	}
	life := a.life
	if life == 0 {
		life = time.Hour
	}
	token := fmt.Sprintf("token-%d", a.issued)
	if a.jwt {
		token = jwt(time.Now(), a.issued)
	}
	return response(200, fmt.Sprintf(`{"access_token":%q,"token_type":"bearer","expires_in":%d}`, token, int(life.Seconds())))
}

// jwt makes a token with an iat. Nobody verifies it here.
func jwt(issued time.Time, n int) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"exp":%d,"n":%d}`, issued.Unix(), issued.Add(time.Hour).Unix(), n)) + ".c2ln"
}

func (a *authority) set(f func(*authority)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

func (a *authority) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

func (a *authority) last() *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests[len(a.requests)-1]
}

func (a *authority) wantFetches(t *testing.T, want int) {
	t.Helper()
	if got := a.count(); got != want {
		t.Fatalf("%d requests to the authority, want %d", got, want)
	}
}

func (a *authority) down() {
	a.set(func(a *authority) {
		a.answer = func(int, *http.Request) (*http.Response, error) { return response(503, ""), nil }
	})
}

func (a *authority) up() { a.set(func(a *authority) { a.answer = nil }) }

func response(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1}
}

// events collects what Observe reports.
type events struct {
	mu  sync.Mutex
	all []tokensource.Event
}

func (e *events) observe(x tokensource.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, x)
}

func (e *events) kinds() string {
	synctest.Wait() // events follow after the callers' tokens
	e.mu.Lock()
	defer e.mu.Unlock()
	var kinds []string
	for _, x := range e.all {
		kind := string(x.Kind)
		if x.Err != nil {
			kind += "!"
		}
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, " ")
}

// inBubble runs f in virtual time with a source of tokens from a.
func inBubble(t *testing.T, change func(*tokensource.Config), f func(t *testing.T, a *authority, s *tokensource.Source, e *events)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, e := &authority{}, &events{}
		c := tokensource.Config{
			TokenURL: tokenURL, Credentials: tokensource.Secret(clientID, secret), Transport: a, Observe: e.observe,
		}
		if change != nil {
			change(&c)
		}
		s, err := tokensource.New(c)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, a, s, e)
	})
}

func token(t *testing.T, s *tokensource.Source) string {
	t.Helper()
	got, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	if !got.Expiry.After(time.Now()) {
		t.Fatalf("Token() = a token that expired at %v", got.Expiry)
	}
	return got.AccessToken
}

// settled returns the token of s, after the event of its fetch.
func settled(t *testing.T, s *tokensource.Source) string {
	t.Helper()
	got := token(t, s)
	synctest.Wait()
	return got
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantError(t *testing.T, call string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s = %v, want %q", call, err, want)
	}
}

var errBoom = errors.New("boom")
