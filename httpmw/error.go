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
// its title is that of the status.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Error  string `json:"error"` // as in the challenge (RFC 6750 §3.1), if it has one
}

// WriteError writes the default answer to a refused call: the status, the
// challenges (RFC 6750 §3) and a body of application/problem+json (RFC 9457).
// The Code of err decides all of them. An error that is not a refusal is
// answered as Unavailable.
//
// Handlers and adapters call it with an error of Authorize or Recheck. It does
// not call Options.ErrorHandler, which may call it. It uses the realm and the
// metadata of m for an error that has none.
func (m *Middleware) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := *verifier.AsError(err)
	if m != nil && e.Realm == "" {
		e.Realm = m.opts.Realm
	}
	if m != nil && e.ResourceMetadata == "" {
		e.ResourceMetadata = m.metadata
	}
	status := e.Code.HTTPStatus()
	body, _ := json.Marshal(problem{ // strings and an int: it can't fail
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Code.Message(),
		Error:  e.Code.String(),
	})

	h := w.Header()
	if challenges := e.Challenges(); challenges != nil {
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
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}

// retryAfter renders d in whole seconds (RFC 9110 §10.2.3), rounded up because
// a retry before d would fail.
func retryAfter(d time.Duration) string {
	return strconv.FormatFloat(math.Ceil(d.Seconds()), 'f', 0, 64)
}
