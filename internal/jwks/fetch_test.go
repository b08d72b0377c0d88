package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// roundTrip is a scripted transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(status int, header http.Header, body io.Reader) *http.Response {
	h := http.Header{}
	maps.Copy(h, header)
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body), ContentLength: -1}
}

const address = "https://auth.example.com/keys"

func TestFetch(t *testing.T) {
	type h = http.Header
	const ours = `W/"1"`
	tests := []struct {
		name   string
		etag   string // that is sent
		status int
		header h
		body   string
		want   Document
		err    string        // what it says; "" if there is none
		retry  time.Duration // what it says of when to come back
	}{
		{name: "a document", status: 200, header: h{"Etag": {ours}, "Cache-Control": {"max-age=300"}}, body: "{}",
			want: Document{Body: []byte("{}"), ETag: ours, FreshFor: 5 * time.Minute}},
		{name: "from a cache", status: 200, header: h{"Age": {"100"}, "Cache-Control": {"max-age=300"}}, body: "{}",
			want: Document{Body: []byte("{}"), FreshFor: 200 * time.Second, Age: 100 * time.Second}},
		{name: "not modified, says a cache", etag: ours, status: 304, header: h{"Age": {"100"}},
			want: Document{NotModified: true, ETag: ours, Age: 100 * time.Second}},
		{name: "of no sensible age", status: 200, header: h{"Age": {"-100"}}, body: "{}", want: Document{Body: []byte("{}")}},
		{name: "nothing said about it", status: 200, body: "{}", want: Document{Body: []byte("{}")}},
		{name: "empty", status: 200, want: Document{Body: []byte{}}},
		{name: "another document", etag: ours, status: 200, header: h{"Etag": {`"2"`}}, body: "{}",
			want: Document{Body: []byte("{}"), ETag: `"2"`}},
		{name: "not modified", etag: ours, status: 304, header: h{"Cache-Control": {"max-age=60"}},
			want: Document{NotModified: true, ETag: ours, FreshFor: time.Minute}},
		{name: "not modified, with an ETag of its own", etag: ours, status: 304, header: h{"Etag": {`"2"`}},
			want: Document{NotModified: true, ETag: ours}},
		{name: "not modified, unasked", status: 304, header: h{"Etag": {ours}}, err: "answered 304"},
		{name: "as long as is admitted", status: 200, body: strings.Repeat(" ", 64), want: Document{Body: []byte(strings.Repeat(" ", 64))}},
		{name: "longer", status: 200, body: strings.Repeat(" ", 65), err: "too long: more than 64 bytes"},

		{name: "201", status: 201, body: "{}", err: "answered 201"},
		{name: "204", status: 204, err: "answered 204"},
		{name: "206", status: 206, body: "{}", err: "answered 206"},
		{name: "301", status: 301, header: h{"Location": {"/keys2"}}, err: "answered 301"},
		{name: "302", status: 302, header: h{"Location": {"http://auth.example.com/keys"}}, err: "answered 302"},
		{name: "303", status: 303, header: h{"Location": {"/keys2"}}, err: "answered 303"},
		{name: "307", status: 307, header: h{"Location": {address}}, err: "answered 307"},
		{name: "308", status: 308, header: h{"Location": {"https://evil.example.com/"}}, err: "answered 308"},
		{name: "302 to nowhere", status: 302, err: "answered 302"},
		{name: "302 to something else", status: 302, header: h{"Location": {"http://[::1"}}, err: "Location"},
		{name: "401", status: 401, header: h{"Www-Authenticate": {"Basic"}}, err: "answered 401"},
		{name: "404", status: 404, body: "{}", err: "answered 404"},
		{name: "429", status: 429, header: h{"Retry-After": {"90"}}, err: "answered 429", retry: 90 * time.Second},
		{name: "503", status: 503, header: h{"Retry-After": {"1"}, "Etag": {ours}}, body: "{}", err: "answered 503", retry: time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requests := 0
			fetch := FromURL(address, roundTrip(func(r *http.Request) (*http.Response, error) {
				requests++
				want := h{"Accept": {"application/jwk-set+json, application/json"}, "Cache-Control": {"no-cache"}, "User-Agent": {"m2mauth"}}
				if tt.etag != "" {
					want["If-None-Match"] = []string{tt.etag}
				}
				if r.Method != "GET" || !r.Close || r.URL.String() != address || r.Body != nil || !maps.EqualFunc(r.Header, want, equal) {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				return response(tt.status, tt.header, strings.NewReader(tt.body)), nil
			}), 64)
			doc, err := fetch(t.Context(), tt.etag)
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
			if string(doc.Body) != string(tt.want.Body) || (doc.Body == nil) != (tt.want.Body == nil) ||
				doc.ETag != tt.want.ETag || doc.NotModified != tt.want.NotModified || doc.FreshFor != tt.want.FreshFor || doc.Age != tt.want.Age {
				t.Errorf("document %+v, want %+v", doc, tt.want)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			var retry time.Duration
			if e, ok := errors.AsType[*FetchError](err); ok {
				retry = e.RetryAfter
			}
			if retry != tt.retry {
				t.Errorf("come back after %v, want %v", retry, tt.retry)
			}
		})
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// TestFetchError checks that no error repeats the URL, which may hold a
// secret, and that the cause is kept.
func TestFetchError(t *testing.T) {
	cause := errors.New("cause")
	fails := func(err error) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	const secret = "https://auth.example.com/s3cret?key=s3cret"
	tests := []struct {
		name      string
		url       string
		transport http.RoundTripper
		is        error // that it wraps
	}{
		{"the transport fails", secret, fails(cause), cause},
		{"the transport has a client of its own", secret, fails(&url.Error{Op: "Get", URL: secret, Err: cause}), cause},
		{"and wraps its error", secret, fails(fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: secret, Err: cause})), cause},
		{"the URL is malformed", secret + "\x7f", fails(nil), nil},
		{"the scheme is unknown", "gopher://auth.example.com/s3cret", nil, nil},
		{"nobody listens", "http://127.0.0.1:1/s3cret?s3cret", nil, nil},
		{"a redirect", secret, roundTrip(func(*http.Request) (*http.Response, error) {
			return response(302, http.Header{"Location": {secret}}, strings.NewReader(secret)), nil
		}), nil},
		{"an error page", secret, roundTrip(func(*http.Request) (*http.Response, error) {
			return response(404, nil, strings.NewReader(secret)), nil
		}), nil},
		{"the body breaks off", secret, roundTrip(func(*http.Request) (*http.Response, error) {
			return response(200, nil, io.MultiReader(strings.NewReader("{"), broken{cause})), nil
		}), cause},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := FromURL(tt.url, tt.transport, 1000)(t.Context(), "")
			if err == nil || doc.Body != nil {
				t.Fatalf("no error, but %+v", doc)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error says %q", err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%q does not wrap what went wrong", err)
			}
		})
	}
}

// broken is a Reader that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestFetchContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fetch := FromURL(address, roundTrip(func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}), 1000)
	if _, err := fetch(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled", err)
	}
}

func TestFetchFunc(t *testing.T) {
	cause := errors.New("cause")
	fetch := FromFunc(func(context.Context) ([]byte, error) { return []byte("x"), nil })
	if doc, err := fetch(t.Context(), `"1"`); string(doc.Body) != "x" || doc.NotModified || doc.ETag != "" || err != nil {
		t.Errorf("document %+v, error %v", doc, err)
	}
	fetch = FromFunc(func(context.Context) ([]byte, error) { return nil, cause })
	if _, err := fetch(t.Context(), ""); err != cause {
		t.Errorf("error %v", err)
	}
}

// closable notes that it was closed.
type closable struct {
	io.Reader
	closed int
}

func (c *closable) Close() error { c.closed++; return nil }

// TestBodyIsClosed checks that every response's body is closed. An open one
// would keep a connection.
func TestBodyIsClosed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   io.Reader
	}{
		{"a document", 200, strings.NewReader("{}")},
		{"longer than is read", 200, strings.NewReader(strings.Repeat(" ", 1000))},
		{"broken off", 200, broken{errors.New("cause")}},
		{"not modified", 304, strings.NewReader("")},
		{"a redirect", 302, strings.NewReader("x")},
		{"an error page", 503, strings.NewReader("x")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := &closable{Reader: tt.body}
			fetch := FromURL(address, roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: tt.status, Header: http.Header{}, Body: body, ContentLength: -1}, nil
			}), 64)
			fetch(t.Context(), `"1"`)
			if body.closed == 0 {
				t.Error("the body was left open")
			}
		})
	}
}
