package jwks

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// Fetcher fetches the key set document. etag is the ETag of the document that
// the caller holds, or "" for an unconditional fetch.
type Fetcher func(ctx context.Context, etag string) (Document, error)

// Document holds the response to a fetch.
type Document struct {
	Body        []byte
	ETag        string
	NotModified bool          // 304: the document with the etag that was sent is current
	FreshFor    time.Duration // the lifetime that the authority allows; 0 if it names none
	Age         time.Duration // since a cache on the way got it from the authority
}

// FetchError reports a response that holds no keys.
type FetchError struct {
	Err        error
	Status     int           // of the HTTP response
	RetryAfter time.Duration // that the authority requests; 0 if it requests none
}

func (e *FetchError) Error() string { return e.Err.Error() }
func (e *FetchError) Unwrap() error { return e.Err }

// FromFunc returns a Fetcher that calls fetch for the document.
func FromFunc(fetch func(context.Context) ([]byte, error)) Fetcher {
	return func(ctx context.Context, _ string) (Document, error) {
		body, err := fetch(ctx)
		return Document{Body: body}, err
	}
}

// FromURL returns a Fetcher that gets rawURL through transport, or through a
// transport of its own if that is nil. It follows no redirect, because the
// redirect's author would choose the keys. A body of more than maxBytes, once
// decompressed, is an error.
func FromURL(rawURL string, transport http.RoundTripper, maxBytes int) Fetcher {
	if transport == nil {
		transport = outbound.NewTransport(0)
	}
	client := outbound.NewClient(transport)
	return func(ctx context.Context, etag string) (Document, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
		if err != nil {
			return Document{}, outbound.WithoutURL(err)
		}
		// Each fetch uses a new connection. A kept one may be dead, and would
		// always lead to the same replica.
		req.Close = true
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		req.Header.Set("Cache-Control", "no-cache")
		req.Header.Set("User-Agent", outbound.UserAgent)
		if etag != "" {
			req.Header.Set("If-None-Match", etag)
		}
		res, err := client.Do(req)
		if err != nil {
			return Document{}, outbound.WithoutURL(err)
		}
		defer res.Body.Close()
		return readResponse(res, etag, maxBytes)
	}
}

// Address returns rawURL without user, query and fragment, which may hold a
// secret. Errors and Status show it.
func Address(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

func readResponse(res *http.Response, etag string, maxBytes int) (Document, error) {
	doc := Document{ETag: res.Header.Get("ETag"), FreshFor: freshness(res.Header)}
	doc.Age, _ = outbound.Seconds(res.Header.Get("Age"))
	switch {
	case res.StatusCode == http.StatusNotModified && etag != "":
		doc.NotModified, doc.ETag = true, etag
		return doc, nil
	case res.StatusCode != http.StatusOK:
		return Document{}, &FetchError{
			Err:        fmt.Errorf("the server answered %d", res.StatusCode),
			Status:     res.StatusCode,
			RetryAfter: outbound.RetryAfter(res.Header),
		}
	}
	var err error
	if doc.Body, err = outbound.ReadBody(res.Body, maxBytes); err != nil {
		return Document{}, err
	}
	return doc, nil
}
