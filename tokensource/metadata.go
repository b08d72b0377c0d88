package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// metadataAge is how long metadata is used before it is fetched again.
const metadataAge = time.Hour

// metadata locates the token endpoint of an issuer by its metadata (RFC 8414,
// OpenID Connect Discovery 1.0). They are fetched with the first token, and again
// after an hour; if that fails, the old ones stay in use.
type metadata struct {
	issuer  string
	http    *http.Client
	timeout time.Duration
	mtls    bool // prefer mtls_endpoint_aliases

	kept    address // url is "" before the first success
	fetched time.Time
}

func newMetadata(issuer string, client *http.Client, timeout time.Duration, method clientauth.Method) *metadata {
	_, mtls := clientauth.PresenterOf(method)
	return &metadata{issuer: issuer, http: client, timeout: timeout, mtls: mtls}
}

func (m *metadata) locate(ctx context.Context) (address, error) {
	if m.kept.url != "" && time.Since(m.fetched) < metadataAge {
		return m.kept, nil
	}
	got, err := m.fetch(ctx)
	switch {
	case err == nil && m.kept.url != "" && !sameOrigin(got.url, m.kept.url):
		// Credentials that follow a changed document go wherever its author wants.
		return address{}, fmt.Errorf("metadata: the token endpoint has moved from %s to another origin, %s: "+
			"restart if that is intended", redact.Quote(m.kept.url), redact.Quote(got.url))
	case err == nil:
		m.kept, m.fetched = got, time.Now()
		return got, nil
	case m.kept.url != "" && !errors.Is(err, errUntrusted):
		return m.kept, nil // tried again with the next fetch
	default:
		return address{}, err
	}
}

// errUntrusted is wrapped by the errors of metadata that was fetched and is not
// the issuer's.
var errUntrusted = errors.New("the metadata can't be trusted")

// fetch tries both places of an issuer's metadata: below the issuer's own path
// (OpenID Connect Discovery 1.0 §4), and at the root of its host (RFC 8414 §3.1).
func (m *metadata) fetch(ctx context.Context) (address, error) {
	u, err := outbound.ParseIssuer(m.issuer, false)
	if err != nil {
		return address{}, err
	}
	root, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	var failed error
	for _, location := range []string{
		root + path + "/.well-known/openid-configuration",
		root + "/.well-known/oauth-authorization-server" + path,
	} {
		got, err := m.get(ctx, location)
		if err == nil {
			return got, nil
		}
		err = fmt.Errorf("metadata at %s: %w", redact.URL(location), err)
		if failed != nil {
			err = fmt.Errorf("%w; %w", failed, err)
		}
		failed = err
	}
	return address{}, failed
}

func (m *metadata) get(ctx context.Context, location string) (address, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return address{}, outbound.WithoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := m.http.Do(req)
	if err != nil {
		return address{}, outbound.WithoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return address{}, fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	body, err := outbound.ReadBody(res.Body, maxResponse)
	if err != nil {
		return address{}, err
	}
	return m.parse(body)
}

// parse reads a metadata document.
func (m *metadata) parse(body []byte) (address, error) {
	doc, err := strictjson.Parse(string(body), responseLimits, nil)
	if err != nil {
		return address{}, err
	}
	// "These values MUST be identical" (RFC 8414 §3.3).
	if issuer := textMember(doc, "issuer"); issuer != m.issuer {
		return address{}, fmt.Errorf("%w: its issuer is %s, want %s", errUntrusted, redact.Quote(issuer), redact.Quote(m.issuer))
	}
	at := address{url: textMember(doc, "token_endpoint"), methods: []string{string(clientauth.Basic)}} // RFC 8414 §2: the default
	if v, ok := doc.Get("token_endpoint_auth_methods_supported"); ok && !v.IsNull() {
		if at.methods, ok = v.Texts(64); !ok {
			return address{}, errors.New("token_endpoint_auth_methods_supported is no array of strings")
		}
	}
	if m.mtls { // RFC 8705 §5
		v, _ := doc.Get("mtls_endpoint_aliases")
		aliases, _ := v.Object()
		if alias := textMember(aliases, "token_endpoint"); alias != "" {
			at.url = alias
		}
	}
	if at.url == "" {
		return address{}, errors.New("no token_endpoint")
	}
	if err := m.checkEndpoint(at.url); err != nil {
		return address{}, fmt.Errorf("%w: token_endpoint %s %w", errUntrusted, redact.Quote(at.url), err)
	}
	return at, nil
}

// checkEndpoint admits plain http only if the issuer has it too.
func (m *metadata) checkEndpoint(raw string) error {
	if err := outbound.CheckEndpoint(raw); err != nil {
		return err
	}
	if strings.HasPrefix(m.issuer, "https://") && !strings.HasPrefix(strings.ToLower(raw), "https://") {
		return errors.New("is not https, as its issuer is")
	}
	return nil
}

func sameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && originOf(x) == originOf(y)
}
