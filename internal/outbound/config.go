package outbound

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Mistakes joins errs into one error, or returns nil if all are nil. It flattens
// joined errors, and begins each with prefix, the name of the reporting package.
func Mistakes(prefix string, errs ...error) error {
	var all []error
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all = append(all, Mistakes(prefix, joined.Unwrap()...))
		} else if err != nil {
			all = append(all, fmt.Errorf("%s: %w", prefix, err))
		}
	}
	return errors.Join(all...)
}

// CheckURL accepts https URLs without user info, query and fragment, and http URLs
// on loopback. It accepts "", which stands for the default. Its errors show scheme
// and host alone, because every other part may hold a secret.
func CheckURL(name, raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || !IsAbsolute(u):
		return fmt.Errorf(`malformed %s: write a URL with scheme and host: "https://login.example.com"`, name)
	case u.User != nil:
		return fmt.Errorf("%s %s holds a user: write it without", name, shown(u))
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return fmt.Errorf("%s %s has a query or a fragment: write it without", name, shown(u))
	case u.Scheme == "https", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("%s %s is not https: secrets and keys travel there, write an https URL "+
			"(http is for loopback alone)", name, shown(u))
	}
}

// CheckOrigin is [CheckURL] for a base URL, to which paths are appended: it refuses
// a path as well.
func CheckOrigin(name, raw string) error {
	if err := CheckURL(name, raw); err != nil || raw == "" {
		return err
	}
	if u, err := url.Parse(raw); err != nil || u.Path != "" && u.Path != "/" {
		return fmt.Errorf("%s %s has a path: write scheme and host alone", name, shown(u))
	}
	return nil
}

// shown returns scheme and host of u, quoted.
func shown(u *url.URL) string {
	return Quote((&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
}

// CheckNotNegative refuses negative values. It accepts 0, which stands for the
// default.
func CheckNotNegative[T int | time.Duration](name string, v T) error {
	if v < 0 {
		return fmt.Errorf("%s is negative: write 0 for the default", name)
	}
	return nil
}

// OrDefault returns v, or standard if v is 0.
func OrDefault[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}
