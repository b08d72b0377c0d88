package verifier_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// keyServer is an authority whose keys are fetched through a scripted
// transport, in virtual time.
type keyServer struct {
	*m2mtest.Authority
	keytest.Script[roundTrip]
}

// roundTrip answers a request for keys.
type roundTrip func(*keyServer, *http.Request) (*http.Response, error)

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) { return s.Next()(s, r) }

func answerWith(status int, header http.Header, body io.Reader) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: -1}
}

// healthy serves the keys.
func healthy(s *keyServer, r *http.Request) (*http.Response, error) {
	doc, err := s.FetchJWKS(r.Context())
	if err != nil {
		return nil, err
	}
	return answerWith(200, nil, strings.NewReader(string(doc))), nil
}

// after makes an answer take its time.
func after(d time.Duration, answer roundTrip) roundTrip {
	return func(s *keyServer, r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return answer(s, r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// before makes an answer of now, and lets it come later.
func before(d time.Duration, answer roundTrip) roundTrip {
	return func(s *keyServer, r *http.Request) (*http.Response, error) {
		res, err := answer(s, r)
		return after(d, func(*keyServer, *http.Request) (*http.Response, error) { return res, err })(s, r)
	}
}

// newKeyServer makes an authority that answers as told. It works in a bubble.
func newKeyServer(t *testing.T, answer roundTrip) *keyServer {
	t.Helper()
	s := &keyServer{
		Authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")}),
	}
	s.Now(answer)
	t.Cleanup(s.Close)
	return s
}

// anyone accepts every client: who is a machine is not what these tests ask.
func anyone(verifier.Client) error { return nil }

// issuer is as which s is trusted.
func (s *keyServer) issuer() verifier.Issuer {
	return verifier.Issuer{
		Name:           "stytch.com/" + s.ProjectID(),
		Audiences:      []string{s.ProjectID()},
		JWKSURL:        "https://keys.example.com/jwks.json",
		JWKS:           verifier.JWKSOptions{Transport: s},
		ClientIDClaims: []string{"sub"},
		Accept:         anyone,
	}
}

// trust makes a Verifier that trusts s alone; change may change its Config.
func (s *keyServer) trust(t *testing.T, change ...func(*verifier.Config)) *verifier.Verifier {
	t.Helper()
	cfg := verifier.Config{Issuers: []verifier.Issuer{s.issuer()}}
	for _, f := range change {
		f(&cfg)
	}
	return newVerifier(t, cfg)
}

func newVerifier(t *testing.T, cfg verifier.Config) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// warm is trust, at a moment when the keys were fetched a while ago, and the
// timer will not fetch them again within three minutes.
func (s *keyServer) warm(t *testing.T, change ...func(*verifier.Config)) *verifier.Verifier {
	t.Helper()
	v := s.trust(t, change...)
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	keytest.Pass(time.Until(v.Status()[0].NextAttempt)) // the first periodic fetch is at any time
	keytest.Pass(time.Minute)
	return v
}

// spec is a token's; unknown is one whose key nobody published.
type spec = m2mtest.TokenSpec

func unknown(issuedAt time.Time) spec {
	return spec{IssuedAt: issuedAt, Header: map[string]any{"kid": "unknown"}}
}

// outcome holds the result of a call: its Reason, "" if it is accepted, how long
// the caller waited, and how many fetches there were meanwhile.
type outcome struct {
	reason  verifier.Reason
	waited  time.Duration
	fetches int
}

// call presents a token.
func (s *keyServer) call(ctx context.Context, v *verifier.Verifier, token string) (outcome, *verifier.Error) {
	began, before := time.Now(), s.Fetches()
	_, err := v.Verify(ctx, token)
	o := outcome{waited: time.Since(began), fetches: s.Fetches() - before}
	e, _ := errors.AsType[*verifier.Error](err)
	if e != nil {
		o.reason = e.Reason
	}
	return o, e
}

// codes are those of the Reasons that these tests meet.
var codes = map[verifier.Reason]verifier.Code{
	verifier.KeysUnavailable:  verifier.Unavailable,
	verifier.UnknownKeysFlood: verifier.TooManyRequests,
	verifier.Closed:           verifier.Unavailable,
	verifier.Canceled:         verifier.Unavailable,
	verifier.KeyUnknown:       verifier.InvalidToken,
	verifier.KeyRemoved:       verifier.InvalidToken,
	verifier.KeyUnusable:      verifier.InvalidToken,
	verifier.KeyID:            verifier.InvalidToken,
	verifier.Algorithm:        verifier.InvalidToken,
	verifier.BadSignature:     verifier.InvalidToken,
	verifier.Expired:          verifier.InvalidToken,
	verifier.TooOld:           verifier.InvalidToken,
	verifier.Audience:         verifier.InvalidToken,
	verifier.UnknownIssuer:    verifier.InvalidToken,
	verifier.TokenType:        verifier.InvalidToken,
	verifier.ClaimMalformed:   verifier.InvalidToken,
	verifier.IssuedInFuture:   verifier.InvalidToken,
	verifier.NotYetValid:      verifier.InvalidToken,
	verifier.Malformed:        verifier.InvalidToken,
	verifier.HeaderExtension:  verifier.InvalidToken,
}

// want presents a token of sp and asserts what comes of it.
func (s *keyServer) want(t *testing.T, v *verifier.Verifier, sp spec, want outcome) {
	t.Helper()
	s.wantToken(t, v, s.Token(sp), want)
}

func (s *keyServer) wantToken(t *testing.T, v *verifier.Verifier, token string, want outcome) {
	t.Helper()
	before := s.Fetches()
	got, err := s.call(t.Context(), v, token)
	synctest.Wait() // for a fetch that the call did not wait for
	got.fetches = s.Fetches() - before
	if got != want {
		t.Errorf("%+v, want %+v\n%v", got, want, err)
	}
	checkRefusal(t, err)
}

// checkRefusal asserts what is true of every refusal for want of keys.
func checkRefusal(t *testing.T, err *verifier.Error) {
	t.Helper()
	if err == nil {
		return
	}
	if code := codes[err.Reason]; err.Code != code {
		t.Errorf("code %v for %s, want %v", err.Code, err.Reason, code)
	}
	putOff := err.Reason == verifier.KeysUnavailable || err.Reason == verifier.UnknownKeysFlood
	if putOff && (err.RetryAfter < time.Second || err.RetryAfter > 30*time.Second) {
		t.Errorf("Retry-After is %v", err.RetryAfter)
	}
	if !putOff && err.RetryAfter != 0 {
		t.Errorf("Retry-After with %s is %v", err.Reason, err.RetryAfter)
	}
}
