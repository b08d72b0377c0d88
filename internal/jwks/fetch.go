package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Fetcher fetches the key set document. etag is that of the document the
// caller has, or "" if it wants one in any case.
type Fetcher func(ctx context.Context, etag string) (Document, error)

// Document is the answer to a fetch.
type Document struct {
	Body        []byte
	ETag        string
	NotModified bool          // it is still the one with the etag that was sent
	FreshFor    time.Duration // what the authority allows; 0 if it says nothing
	Age         time.Duration // since a cache on the way got it from the authority
}

// FetchError is a fetch that the authority answered with something else than
// its keys.
type FetchError struct {
	Err        error
	Status     int           // of the HTTP response
	RetryAfter time.Duration // when to come back; 0 if the authority does not say
}

func (e *FetchError) Error() string { return e.Err.Error() }
func (e *FetchError) Unwrap() error { return e.Err }

// FromFunc makes a Fetcher of a function that returns the document.
func FromFunc(fetch func(context.Context) ([]byte, error)) Fetcher {
	return func(ctx context.Context, _ string) (Document, error) {
		body, err := fetch(ctx)
		return Document{Body: body}, err
	}
}

// FromURL makes a Fetcher that gets rawURL through transport, or through one
// of its own if that is nil. Of a body that is longer than maxBytes, once
// decompressed, it reads one byte more, so that the Source sees that it is.
func FromURL(rawURL string, transport http.RoundTripper, maxBytes int) Fetcher {
	if transport == nil {
		transport = defaultTransport()
	}
	client := &http.Client{
		Transport: transport,
		// A redirect is an answer like any other but 200: a failure. Following
		// it would let whoever can write one redirect choose the keys.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, etag string) (Document, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
		if err != nil {
			return Document{}, withoutURL(err)
		}
		// A connection of its own for each fetch: one that is kept may be dead,
		// and would always lead to the same replica.
		req.Close = true
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		req.Header.Set("Cache-Control", "no-cache")
		req.Header.Set("User-Agent", "m2mauth")
		if etag != "" {
			req.Header.Set("If-None-Match", etag)
		}
		res, err := client.Do(req)
		if err != nil {
			return Document{}, withoutURL(err)
		}
		defer res.Body.Close()
		return readResponse(res, etag, maxBytes)
	}
}

// Address returns rawURL without its user, query and fragment, for errors and
// Status: they may hold a secret.
func Address(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// withoutURL returns what a *url.Error in err wraps: it repeats the URL, whose
// query may hold a secret. There are several if the transport has a client of
// its own.
func withoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// defaultTransport is http.DefaultTransport's like without idle connections:
// between two fetches lie minutes, and nothing is to be left behind by Close.
func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program has replaced it, for a reason
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

func readResponse(res *http.Response, etag string, maxBytes int) (Document, error) {
	doc := Document{ETag: res.Header.Get("ETag"), FreshFor: freshness(res.Header)}
	doc.Age, _ = seconds(res.Header.Get("Age"))
	switch {
	case res.StatusCode == http.StatusNotModified && etag != "":
		doc.NotModified, doc.ETag = true, etag
		return doc, nil
	case res.StatusCode != http.StatusOK:
		return Document{}, &FetchError{
			Err:        fmt.Errorf("the server answered %d", res.StatusCode),
			Status:     res.StatusCode,
			RetryAfter: retryAfter(res.Header),
		}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(maxBytes)+1))
	if err != nil {
		return Document{}, err
	}
	doc.Body = body
	return doc, nil
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3): seconds or a date.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if wait, ok := seconds(value); ok {
		return wait
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
