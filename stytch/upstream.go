package stytch

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	userAgent      = "m2mauth"
	defaultTimeout = 10 * time.Second
	maxHeaderBytes = 64 << 10
)

// baseURL is where a project's API is: the environment that its ID names,
// unless the caller knows better.
func baseURL(projectID, configured string) string {
	switch {
	case configured != "":
		return strings.TrimSuffix(configured, "/")
	case strings.HasPrefix(projectID, testPrefix):
		return "https://test.stytch.com"
	default:
		return "https://api.stytch.com"
	}
}

// checkURL wants an https URL without a query: secrets travel there. Loopback,
// which is no network, may be http. "" is the default, and good.
func checkURL(name, raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return fmt.Errorf(`stytch: malformed %s: write a URL with scheme and host: "https://login.example.com"`, name)
	case u.User != nil:
		// Not quoted: it holds a password.
		return fmt.Errorf("stytch: %s holds a user: write it without", name)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return fmt.Errorf("stytch: %s %q has a query or a fragment: write it without", name, raw)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("stytch: %s %q is not https: secrets and keys travel there, write an https URL "+
			"(http is for loopback alone)", name, raw)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkOrigin is checkURL for a URL that paths are appended to.
func checkOrigin(name, raw string) error {
	if err := checkURL(name, raw); err != nil || raw == "" {
		return err
	}
	if u, err := url.Parse(raw); err != nil || u.Path != "" && u.Path != "/" {
		return fmt.Errorf(`stytch: %s %q has a path: write scheme and host alone`, name, raw)
	}
	return nil
}

func checkNotNegative[T int | time.Duration](name string, v T) error {
	if v < 0 {
		return fmt.Errorf("stytch: %s is negative: write 0 for the default", name)
	}
	return nil
}

func orDefault[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// newHTTPClient is a client that sends what it is given, and to nobody else: a
// redirect is an answer like any other failure. Followed, a 307 would resend
// credentials to whoever it names.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = defaultTransport()
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program has replaced it, for a reason
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	t.MaxIdleConnsPerHost = 16
	return t
}

// withoutURL is what a *url.Error in err wraps: it repeats the URL, and says
// nothing that the name of the call does not.
func withoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3): seconds or a date. 0 if
// there is none, or none that makes sense.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// quote is text from outside as an error or a log may show it.
func quote(text string) string {
	const limit = 200
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strconv.Quote(text)
}
