package httpmw

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// problem is the body of a refusal (RFC 9457). Its type is "about:blank", so
// its title is the status's.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Error  string `json:"error"` // as in the challenge (RFC 6750 §3.1), where there is one
}

// WriteError answers a call that Authorize refused: the status, the challenge
// (RFC 6750 §3) and a body of application/problem+json (RFC 9457), all of them
// fixed by the error's Code. It is how this package answers, for handlers and
// adapters that call Authorize or Recheck themselves. Of opts, which may be
// nil, it reads Realm and Resource.
func WriteError(w http.ResponseWriter, r *http.Request, err error, opts *Options) {
	e := verifier.AsError(err)
	status := e.Code.HTTPStatus()
	body, _ := json.Marshal(problem{ // strings and an int: it can't fail
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Code.Message(),
		Error:  e.Code.String(),
	})

	h := w.Header()
	if challenges := opts.challenges(e); challenges != nil {
		h["Www-Authenticate"] = challenges
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", retryAfter(e.RetryAfter))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r == nil || r.Method != http.MethodHead {
		_, _ = w.Write(body) // a caller that is gone needs no answer
	}
}

// retryAfter is in whole seconds (RFC 9110 §10.2.3), rounded up: earlier than
// that it makes no sense to come back.
func retryAfter(d time.Duration) string {
	return strconv.FormatFloat(math.Ceil(d.Seconds()), 'f', 0, 64)
}
