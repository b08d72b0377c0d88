package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/tokensource"
)

// measureTransport measures requests that get their token from package tokensource.
func measureTransport(s *suite, out *section) {
	out.text(`A request through the RoundTripper of tokensource, with a token at hand, to a base that answers at once. A RoundTripper must not
change the request that it is given (net/http), so that adding a field takes a copy of the request and of its header: "the
plainest" does nothing else, by WithContext and maps.Clone.`)
	const origin = "https://api.example.com"
	authority := roundTrip(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"access_token":"` + strings.Repeat("t", tokenBytes) + `","token_type":"Bearer","expires_in":86400}`))}
	})
	source := must(tokensource.New(tokensource.Config{
		TokenURL: "https://auth.example.com/token", Credentials: tokensource.Secret("id", "secret"), Transport: authority,
	}))
	defer source.Close()
	token := must(source.Token())
	answer := &http.Response{StatusCode: http.StatusNoContent}
	base := roundTrip(func(*http.Request) *http.Response { return answer })
	plainest := roundTripWith(func(r *http.Request) (*http.Response, error) {
		sent := r.WithContext(r.Context())
		sent.Header = maps.Clone(r.Header)
		sent.Header["Authorization"] = []string{"Bearer " + token.AccessToken}
		return base(sent), nil
	})
	send := func(through http.RoundTripper) func() func() {
		return func() func() {
			r := must(http.NewRequestWithContext(context.Background(), http.MethodGet, origin+"/reports", nil))
			r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"reports"}}
			return func() { must(through.RoundTrip(r)) }
		}
	}
	all := s.plan.measure(
		probe{"none", 1, send(base)},
		probe{"the plainest", 1, send(plainest)},
		probe{"tokensource", 1, send(must(source.RoundTripper(base, origin)))},
	)
	rows := [][]string{{"", "added ns", "added allocs"}}
	for i, name := range []string{1: "the plainest", 2: "tokensource"} {
		if i > 0 {
			rows = append(rows, []string{name, nanos(all[i].added(all[0])), allocations(all[i].allocations() - all[0].allocations())})
		}
	}
	out.table(rows...)
	took, made := all[2].added(all[0]), all[2].allocations()-all[0].allocations()
	s.aim(took <= 500 && made <= 2, "a request through tokensource, token at hand", "≤ 500 ns and ≤ 2 allocations added",
		fmt.Sprintf("%s ns, %s allocations", nanos(took), allocations(made)),
		fmt.Sprintf("the copy of the request is one allocation, and that of its header two; the plainest RoundTripper makes %s.",
			allocations(all[1].allocations()-all[0].allocations())))
}

type roundTripWith func(*http.Request) (*http.Response, error)

func (f roundTripWith) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
