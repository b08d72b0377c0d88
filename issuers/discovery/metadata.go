package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// fetcher fetches metadata.
type fetcher struct {
	client   *http.Client
	timeout  time.Duration
	maxBytes int
	insecure bool // admit plain http
}

// newFetcher returns a fetcher, or an error for every mistake in opts. The bounds
// are those of a key set.
func newFetcher(opts *Options) (*fetcher, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("discovery: "+format, args...))
	}
	f := &fetcher{timeout: opts.JWKS.FetchTimeout, maxBytes: opts.JWKS.MaxBytes, insecure: opts.JWKS.InsecureHTTP}
	if f.timeout == 0 {
		f.timeout = 5 * time.Second
	}
	if f.timeout < 250*time.Millisecond || f.timeout > 30*time.Second {
		mistake("JWKS.FetchTimeout is %v: want 250ms to 30s", f.timeout)
	}
	if f.maxBytes == 0 {
		f.maxBytes = 256 << 10
	}
	if f.maxBytes < 4<<10 || f.maxBytes > 4<<20 {
		mistake("JWKS.MaxBytes is %d: want 4096 to 4194304", f.maxBytes)
	}
	transport := opts.JWKS.Transport
	if transport == nil {
		transport = newTransport(opts.RootCAs, opts.AllowPrivate)
	} else if opts.RootCAs != nil || opts.AllowPrivate {
		mistake("RootCAs and AllowPrivate configure the guarded transport: they have no effect with JWKS.Transport")
	}
	f.client = outbound.NewClient(transport)
	return f, errors.Join(errs...)
}

// metadata fetches the document at location, checks that it belongs to issuer,
// and returns its jwks_uri.
func (f *fetcher) metadata(ctx context.Context, location, issuer string) (keys string, err error) {
	body, reason, err := f.get(ctx, location)
	if err != nil {
		return "", &Error{location, reason, err}
	}
	// The decoder refuses duplicate members and invalid UTF-8, and matches names
	// exactly.
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := jsonv2.Unmarshal(body, &doc); err != nil {
		return "", &Error{location, MalformedMetadata, errors.New("not one strict JSON object of the expected types")}
	}
	// "These values MUST be identical" (RFC 8414 §3.3), code point by code point:
	// otherwise any host could speak for any issuer.
	if doc.Issuer != issuer {
		return "", &Error{location, IssuerMismatch, fmt.Errorf(
			"the metadata names the issuer %s: if that is the \"iss\" of your tokens, use exactly this spelling", redact.Quote(doc.Issuer))}
	}
	if doc.JWKSURI == "" {
		return "", &Error{location, MalformedMetadata, errors.New("no jwks_uri: tokens can't be verified locally")}
	}
	if err := f.checkKeys(doc.JWKSURI, issuer); err != nil {
		return "", &Error{location, MalformedURL, fmt.Errorf("jwks_uri %s %w", redact.Quote(doc.JWKSURI), err)}
	}
	return doc.JWKSURI, nil
}

// checkKeys checks the URL of the key set. A query is allowed.
func (f *fetcher) checkKeys(raw, issuer string) error {
	u, err := url.Parse(raw)
	if err != nil || !outbound.IsAbsolute(u) || u.User != nil || u.Fragment != "" {
		return errors.New("is no absolute URL, or holds credentials or a fragment")
	}
	if u.Scheme == "http" && !f.insecure && strings.HasPrefix(issuer, "https://") {
		return errors.New("is not https, as its issuer is")
	}
	return outbound.CheckScheme(u, f.insecure)
}

// get fetches one document of at most maxBytes.
func (f *fetcher) get(ctx context.Context, location string) ([]byte, Reason, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, MalformedURL, outbound.WithoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := f.client.Do(req)
	if errors.Is(err, PrivateAddress) {
		return nil, PrivateAddress, outbound.WithoutURL(err)
	} else if err != nil {
		return nil, Unreachable, outbound.WithoutURL(err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, Redirected, fmt.Errorf("the server answered %d", res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return nil, Unreachable, fmt.Errorf("the server answered %d", res.StatusCode)
	}
	body, err := outbound.ReadBody(res.Body, f.maxBytes)
	if errors.Is(err, outbound.ErrTooLong) {
		return nil, MalformedMetadata, err
	} else if err != nil {
		return nil, Unreachable, err
	}
	return body, "", nil
}
