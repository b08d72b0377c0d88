package issuers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
)

// fetcher gets metadata.
type fetcher struct {
	client   *http.Client
	timeout  time.Duration
	maxBytes int
}

func newFetcher(opts *DiscoverOptions) (*fetcher, error) {
	m := mistakes{preset: "Discover"}
	f := &fetcher{}
	f.timeout, f.maxBytes = bounds(opts.JWKS)
	if f.timeout < 250*time.Millisecond || f.timeout > 30*time.Second {
		m.add("JWKS.FetchTimeout is %v: want 250ms to 30s", f.timeout)
	}
	if f.maxBytes < 4<<10 || f.maxBytes > 4<<20 {
		m.add("JWKS.MaxBytes is %d: want 4096 to 4194304", f.maxBytes)
	}
	if opts.JWKS.InsecureHTTP {
		m.add("JWKS.InsecureHTTP is set: discovery is by https only")
	}
	transport := opts.JWKS.Transport
	if transport == nil {
		transport = newTransport(opts.RootCAs, opts.AllowPrivate)
	} else if opts.RootCAs != nil || opts.AllowPrivate {
		m.add("RootCAs and AllowPrivate are for the guarded transport: they have no meaning with JWKS.Transport")
	}
	f.client = &http.Client{
		Transport: transport,
		// Whoever can write one redirect must not choose the keys.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f, errors.Join(m.errs...)
}

// metadata fetches the metadata at location, checks that it is the issuer's,
// and returns where the keys are.
func (f *fetcher) metadata(ctx context.Context, location, issuer string) (keys string, err error) {
	body, reason, err := f.get(ctx, location)
	if err != nil {
		return "", &DiscoveryError{location, reason, err}
	}
	// Duplicate members and invalid UTF-8 are errors, and names match exactly.
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := jsonv2.Unmarshal(body, &doc); err != nil {
		return "", &DiscoveryError{location, MalformedMetadata, errors.New("not one strict JSON object of the expected types")}
	}
	// "These values MUST be identical" (RFC 8414 §3.3): code point by code
	// point. Otherwise any host could speak for any issuer.
	if doc.Issuer != issuer {
		return "", &DiscoveryError{location, IssuerMismatch, fmt.Errorf(
			"it is the metadata of %+.128q: if that is the \"iss\" of your tokens, ask for it in exactly this spelling", doc.Issuer)}
	}
	if doc.JWKSURI == "" {
		return "", &DiscoveryError{location, MalformedMetadata, errors.New("no jwks_uri: its tokens can't be verified locally")}
	}
	u, err := url.Parse(doc.JWKSURI)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", &DiscoveryError{location, MalformedURL, fmt.Errorf("jwks_uri %+.128q is no https URL, or holds credentials or a fragment", doc.JWKSURI)}
	}
	return doc.JWKSURI, nil
}

// get fetches one document, within the bounds.
func (f *fetcher) get(ctx context.Context, location string) ([]byte, DiscoveryReason, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, MalformedURL, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "m2mauth")
	res, err := f.client.Do(req)
	if errors.Is(err, PrivateAddress) {
		return nil, PrivateAddress, err
	} else if err != nil {
		return nil, Unreachable, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, Redirected, fmt.Errorf("the server answered %d", res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return nil, Unreachable, fmt.Errorf("the server answered %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(f.maxBytes)+1))
	if err != nil {
		return nil, Unreachable, err
	}
	if len(body) > f.maxBytes {
		return nil, MalformedMetadata, fmt.Errorf("longer than %d bytes", f.maxBytes)
	}
	return body, "", nil
}
