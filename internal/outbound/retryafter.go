package outbound

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter returns the pause that a response requests before the next request
// (RFC 9110 §10.2.3). It returns 0 if the header is absent or malformed. A date is
// compared with the response's own Date, so that a difference between the two
// clocks does not matter, and without a Date with now. The caller bounds the
// result.
func RetryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if wait, ok := Seconds(value); ok {
		return wait
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// Seconds parses delta-seconds (RFC 9111 §1.2.2), which are digits alone. A number
// that is too large counts as 2^31.
func Seconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		n = 1 << 31
	}
	return time.Duration(n) * time.Second, true
}
