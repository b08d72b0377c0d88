package jwks

import (
	"net/http"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// freshness returns how long a response stays fresh (RFC 9111 §4.2), or 0 if it
// names no lifetime: max-age, or else Expires, less Age. "no-store" and
// "no-cache" name no lifetime, because a key set has to be kept in any case.
func freshness(h http.Header) time.Duration {
	lifetime, found := maxAge(h.Values("Cache-Control"))
	if !found {
		expires, err := http.ParseTime(h.Get("Expires"))
		if err != nil {
			return 0
		}
		date, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			return 0
		}
		lifetime = expires.Sub(date)
	}
	if age, ok := outbound.Seconds(h.Get("Age")); ok && age > 0 && lifetime > 0 {
		// A lifetime that is used up must not read as none at all.
		lifetime = max(lifetime-age, time.Second)
	}
	return max(lifetime, 0)
}

// maxAge finds the max-age directive. With no-store or no-cache it returns a
// lifetime of 0. Of several max-age directives the shortest counts.
func maxAge(values []string) (lifetime time.Duration, found bool) {
	for _, value := range values {
		for directive := range strings.SplitSeq(value, ",") {
			name, argument, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store", "no-cache":
				return 0, true
			case "max-age":
				age, ok := outbound.Seconds(strings.Trim(strings.TrimSpace(argument), `"`))
				if ok && (!found || age < lifetime) {
					lifetime, found = age, true
				}
			}
		}
	}
	return lifetime, found
}
