package tokensource_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
)

// constant is a transport that allocates nothing.
type constant struct{ res *http.Response }

func (c constant) RoundTrip(*http.Request) (*http.Response, error) { return c.res, nil }

// TestAllocations: a request with a token at hand takes a copy of the request and
// of its header, which no RoundTripper can do without.
func TestAllocations(t *testing.T) {
	s := must(tokensource.New(tokensource.Config{
		TokenURL: tokenURL, Credentials: tokensource.Secret(clientID, secret), Transport: &authority{},
	}))
	defer s.Close()
	token(t, s)
	rt := must(s.RoundTripper(constant{&http.Response{StatusCode: 200}}, orders, billing))
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders+"/1", nil))
	req.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"worker"}}

	var sink *http.Request
	floor := testing.AllocsPerRun(100, func() {
		sink = req.WithContext(req.Context())
		sink.Header = maps.Clone(req.Header)
	})
	got := testing.AllocsPerRun(100, func() { rt.RoundTrip(req) })
	if got != floor {
		t.Errorf("RoundTrip allocates %v times, want %v for the copies", got, floor)
	}
	other := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://other.example.com", nil))
	if got := testing.AllocsPerRun(100, func() { rt.RoundTrip(other) }); got != 0 {
		t.Errorf("RoundTrip to another origin allocates %v times, want 0", got)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	s := must(tokensource.New(tokensource.Config{
		TokenURL: tokenURL, Credentials: tokensource.Secret(clientID, secret), Transport: &authority{},
	}))
	defer s.Close()
	if _, err := s.Token(); err != nil {
		b.Fatal(err)
	}
	rt := must(s.RoundTripper(constant{&http.Response{StatusCode: 200}}, orders, billing))
	req := must(http.NewRequestWithContext(b.Context(), http.MethodGet, orders+"/1", nil))
	req.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"worker"}}
	b.ReportAllocs()
	for b.Loop() {
		rt.RoundTrip(req)
	}
}

// BenchmarkRoundTripFloor measures the least that a RoundTripper needs to add a
// header field.
func BenchmarkRoundTripFloor(b *testing.B) {
	var sink *http.Request // keeps the copy on the heap, where a transport needs it
	rt := constant{&http.Response{StatusCode: 200}}
	req := must(http.NewRequestWithContext(b.Context(), http.MethodGet, orders+"/1", nil))
	req.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"worker"}}
	b.ReportAllocs()
	for b.Loop() {
		sent := req.WithContext(req.Context())
		sent.Header = maps.Clone(req.Header)
		sent.Header["Authorization"] = []string{"Bearer x"}
		sink = sent
		rt.RoundTrip(sink)
	}
	_ = sink
}
