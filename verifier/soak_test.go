//go:build soak

package verifier_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// The soaks run over real sockets, longer than other tests may:
//
//	go test -race -tags soak -run Soak ./verifier

// soak is an authority, and a server that trusts it and counts its answers.
type soak struct {
	*m2mtest.Authority
	v      *verifier.Verifier
	server *httptest.Server
	client *http.Client
}

func newSoak(t *testing.T) *soak {
	s := &soak{Authority: m2mtest.NewAuthority(nil)}
	var err error
	s.v, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{s.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := httpmw.New(s.v, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(guard.Require(scopes.Authenticated())(http.NotFoundHandler()))
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 300}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.server.Close()
		s.v.Close()
		s.Close()
	})
	if err := s.v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// call returns the status that a token gets; 404 is the handler's own.
func (s *soak) call(t *testing.T, token string) int {
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.server.URL, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// TestSoakRotations: 200 callers through 10 rotations, each key published
// before it is used. No good token is ever refused, and keys are fetched once
// for each rotation, besides the timer's fetches.
func TestSoakRotations(t *testing.T) {
	s := newSoak(t)
	const callers, rotations, callsBetween = 200, 10, 2000
	began := s.v.Status()[0].Fetches

	var calls, refused atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := s.call(t, s.Token(m2mtest.TokenSpec{})); got != 404 {
					refused.Add(1)
				}
				calls.Add(1)
			}
		})
	}
	for range rotations {
		key := m2mtest.NewKey("RS256")
		s.PublishKey(key)
		if err := s.v.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		s.SignWith(key.ID)
		for until := calls.Load() + callsBetween; calls.Load() < until; {
			s.call(t, s.Token(m2mtest.TokenSpec{})) // a caller more, rather than a sleeper
		}
	}
	close(stop)
	wg.Wait()
	if n := refused.Load(); n != 0 {
		t.Errorf("%d of %d good tokens were refused", n, calls.Load())
	}
	fetches := s.v.Status()[0].Fetches - began
	// The timer's first periodic fetch is spread over its interval of 5 min.
	if fetches < rotations || fetches > rotations+1 {
		t.Errorf("%d fetches for %d rotations", fetches, rotations)
	}
	t.Logf("%d calls, %d fetches", calls.Load(), fetches)
}

// TestSoakUnknownKeys: 100 callers have known keys and 100 have unknown
// ones. The first are never refused, and the second cause no more fetches
// than their budget.
func TestSoakUnknownKeys(t *testing.T) {
	s := newSoak(t)
	fetches, began := s.v.Status()[0].Fetches, time.Now()
	const callers, calls = 100, 100
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			token := s.Token(m2mtest.TokenSpec{})
			for range calls {
				if got := s.call(t, token); got != 404 {
					t.Errorf("a good token: %d", got)
				}
			}
		})
		wg.Go(func() {
			for range calls {
				key := &m2mtest.Key{ID: rand.Text(), Algorithm: "RS256", Private: m2mtest.NewKey("ES256").Private}
				token := s.Token(m2mtest.TokenSpec{Key: key, Sign: func([]byte) []byte { return make([]byte, 256) }})
				if got := s.call(t, token); got != 401 && got != 503 && got != 429 {
					t.Errorf("an unknown key: %d", got)
				}
			}
		})
	}
	wg.Wait()
	most := 2 + int(time.Since(began)/(15*time.Second)) + 1
	if n := s.v.Status()[0].Fetches - fetches; n > most {
		t.Errorf("%d fetches, want at most %d: 2, one in 15 s, and the timer's", n, most)
	}
}
