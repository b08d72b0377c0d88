package jwks

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// freshness is how long a response may be used without asking again
// (RFC 9111 §4.2), or 0 if it does not say: by max-age, else by Expires, less
// the time that it has spent in caches. "no-store" and the like are no
// lifetime; a key set has to be kept in any case.
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
	if age, ok := seconds(h.Get("Age")); ok && age > 0 && lifetime > 0 {
		// What is left may be nothing, which is still a lifetime.
		lifetime = max(lifetime-age, time.Second)
	}
	return max(lifetime, 0)
}

// maxAge finds the max-age directive. With no-store or no-cache there is a
// lifetime of 0; directives that contradict each other mean the shorter one.
func maxAge(values []string) (lifetime time.Duration, found bool) {
	for _, value := range values {
		for directive := range strings.SplitSeq(value, ",") {
			name, argument, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store", "no-cache":
				return 0, true
			case "max-age":
				age, ok := seconds(strings.Trim(strings.TrimSpace(argument), `"`))
				if ok && (!found || age < lifetime) {
					lifetime, found = age, true
				}
			}
		}
	}
	return lifetime, found
}

// seconds reads delta-seconds (RFC 9111 §1.2.2): digits only; what is too
// large to count is as good as 2^31.
func seconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		n = 1 << 31
	}
	return time.Duration(n) * time.Second, true
}
