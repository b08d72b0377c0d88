package introspection_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
)

// fault is a way in which an authority fails to answer.
type fault struct {
	name   string
	answer http.HandlerFunc
	dial   error         // of each connection
	cert   *tlstest.Pair // that the server presents
	want   string        // in the error

	// About a token that was active: the least and the most questions from the fault
	// on, for a minute. Each pause is 2.5 s to 10 s long once they have grown.
	least, most int

	// About other tokens, two a second for a minute: each is asked about, for a strange
	// token could cause such an answer; or none during the pauses.
	each bool
	slow bool // the endpoint's timeout ends a question, and a caller's patience before that
}

func status(code int, body string, header ...string) http.HandlerFunc {
	return typed("application/json", code, body, header...)
}

func typed(kind string, code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// hangs reads the question and never answers.
func hangs(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// trickles sends one byte of an answer after each second.
func trickles(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	for i := range active {
		io.WriteString(w, active[i:i+1])
		w.(http.Flusher).Flush()
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// echoes repeats the question as an error code.
func echoes(w http.ResponseWriter, r *http.Request) {
	code, err := json.Marshal(r.FormValue("token") + " " + r.Header.Get("Authorization"))
	if err != nil {
		panic(err)
	}
	status(400, `{"error":`+string(code)+`}`)(w, r)
}

// resets closes the connection without a response.
func resets(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// truncates announces more than it sends.
func truncates(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, active)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// explodes sends few bytes that are many once they are decompressed.
func explodes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(bomb())
}

var bomb = sync.OnceValue(func() []byte {
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	z.Write(bytes.Repeat([]byte(" "), 10<<20))
	z.Close()
	return small.Bytes()
})

// faults is the matrix. Certificates are made in the bubble of the test.
func faults(t *testing.T) []fault {
	foreign := tlstest.New(t)
	const page = "<!DOCTYPE html><title>Sign in</title>"
	return []fault{
		{name: "500", answer: status(500, ""), want: "HTTP status 500", least: 6, most: 22},
		{name: "502 with a page", answer: typed("text/html", 502, page), want: "HTTP status 502", least: 6, most: 22},
		{name: "503 with Retry-After", answer: status(503, "", "Retry-After", "20"), want: "HTTP status 503", least: 2, most: 3},
		{name: "429", answer: status(429, ""), want: "HTTP status 429", least: 6, most: 22},
		{name: "429 with Retry-After", answer: status(429, "", "Retry-After", "20"), want: "HTTP status 429", least: 2, most: 3},
		{name: "429 with a Retry-After of a day", answer: status(429, "", "Retry-After", "86400"), want: "HTTP status 429", least: 2, most: 2},
		{name: "401: our own credentials", answer: status(401, `{"error":"invalid_client"}`, "WWW-Authenticate", `Basic realm="x"`),
			want: `HTTP status 401, error "invalid_client": the authority refuses this service's own Credentials`, least: 6, most: 22},
		{name: "403: our own permission", answer: status(403, ""), each: true,
			want: "HTTP status 403: the authority does not let this service's own client ask about tokens", least: 6, most: 22},
		{name: "400", answer: status(400, `{"error":"invalid_request"}`), want: `HTTP status 400, error "invalid_request": is Endpoint the introspection endpoint, and does the authority sign or encrypt`, least: 6, most: 22, each: true},
		{name: "400 that repeats the request", answer: echoes, want: "HTTP status 400: is Endpoint the introspection endpoint, and does the authority", least: 6, most: 22, each: true},
		{name: "406", answer: status(406, ""), want: "HTTP status 406: does the authority sign or encrypt its answers", least: 6, most: 22},
		{name: "404", answer: status(404, page), want: "HTTP status 404: is Endpoint the introspection endpoint?", least: 6, most: 22},
		{name: "a redirect", answer: status(302, "", "Location", "https://127.0.0.1/elsewhere"), want: "HTTP status 302: redirects are not followed", least: 6, most: 22},
		{name: "a redirect with the body", answer: status(307, "", "Location", "https://127.0.0.1/elsewhere"), want: "HTTP status 307: redirects", least: 6, most: 22},
		{name: "204", answer: status(204, ""), want: "HTTP status 204", least: 6, most: 22},
		{name: "HTML with 200", answer: typed("text/html; charset=utf-8", 200, page), each: true,
			want: `the media type is "text/html; charset=utf-8", want application/json`, least: 6, most: 22},
		{name: "HTML as JSON", answer: status(200, page), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "JSON of another type", answer: typed("text/plain", 200, active), want: `the media type is "text/plain"`, least: 6, most: 22, each: true},
		{name: "a signed answer", answer: typed("application/token-introspection+jwt", 200, "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"), each: true,
			want: "the answer is a signed or encrypted JWT (RFC 9701), want application/json", least: 6, most: 22},
		{name: "an empty body", answer: status(200, ""), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "an array", answer: status(200, "["+active+"]"), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "two objects", answer: status(200, active+active), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "active twice", answer: status(200, `{"active":true,"active":false}`), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "active as a string", answer: status(200, strings.Replace(active, "true", `"true"`, 1)), want: `"active" is "true"`, least: 6, most: 22, each: true},
		{name: "deep nesting", answer: status(200, strings.Repeat(`{"x":`, 1000)+"1"+strings.Repeat("}", 1000)), want: "the answer can't be understood", least: 6, most: 22, each: true},
		{name: "truncated", answer: truncates, want: "unexpected EOF", least: 6, most: 22},
		{name: "a huge body", answer: status(200, strings.Repeat(" ", 1<<20)), want: "the response is too long: more than 65536 bytes", least: 6, most: 22},
		{name: "a gzip bomb", answer: explodes, want: "the response is too long: more than 65536 bytes", least: 6, most: 22},
		{name: "huge headers", answer: status(200, active, "X", strings.Repeat("x", 1<<20)), want: "https://127.0.0.1/introspect: ", least: 6, most: 22},
		{name: "the connection is closed", answer: resets, want: "EOF", least: 6, most: 22},
		{name: "hangs", answer: hangs, want: "https://127.0.0.1/introspect: ", least: 4, most: 12, slow: true},
		{name: "trickles", answer: trickles, want: "https://127.0.0.1/introspect: ", least: 4, most: 12, slow: true},
		{name: "connection refused", dial: syscall.ECONNREFUSED, want: "connection refused", least: 6, most: 22},
		{name: "no such host", dial: errors.New("lookup auth.example.com: no such host"), want: "no such host", least: 6, most: 22},
		{name: "a certificate that nobody trusts", cert: &foreign, want: "certificate signed by unknown authority", least: 6, most: 22},
	}
}

// names returns the names of the faults, outside a bubble.
func names(t *testing.T) (all []string) {
	for _, f := range faults(t) {
		all = append(all, f.name)
	}
	return all
}

// each runs a subtest in virtual time for each fault.
func each(t *testing.T, run func(t *testing.T, a *authority, f fault)) {
	for i, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run(t, newAuthority(t), faults(t)[i])
			})
		})
	}
}

// wantOutage reports an error that is not a 503 with a Retry-After that names the
// fault and shows no secret.
func wantOutage(t *testing.T, err error, token string, f fault) {
	t.Helper()
	e, _ := errors.AsType[*verifier.Error](err)
	if e == nil || e.Code != verifier.Unavailable || e.Reason != verifier.IntrospectionUnavailable || len(e.Challenges()) != 0 ||
		e.RetryAfter < time.Second || e.RetryAfter > 30*time.Second {
		t.Fatalf("Verify(%s) = %+v, want %s with Retry-After", token, err, verifier.IntrospectionUnavailable)
	}
	if !strings.Contains(e.Error(), f.want) && !(f.slow && strings.Contains(e.Error(), "the authority has not answered in time")) {
		t.Errorf("Verify(%s) = %v, want %q in it", token, err, f.want)
	}
	if text := fmt.Sprintf("%+v", err); strings.Contains(text, token) || strings.Contains(text, secret) {
		t.Errorf("Verify(%s) = %s, which holds the token or the secret", token, text)
	}
}

// TestFaultKnownToken: a token that was active is accepted as long as its answer
// counts, whatever the authority does, then refused as an outage, and accepted again
// soon after the end of the fault.
func TestFaultKnownToken(t *testing.T) {
	each(t, func(t *testing.T, a *authority, f fault) {
		v, transport := a.trust(t)
		if _, err := v.Verify(t.Context(), opaque); err != nil {
			t.Fatalf("Verify before the fault = %v, want nil", err)
		}
		began := time.Now()
		a.count()
		a.now(f, transport)
		for time.Since(began) < time.Minute {
			at := time.Now()
			_, err := v.Verify(t.Context(), opaque)
			waited := time.Since(at)
			switch {
			case at.Sub(began) < 30*time.Second && (err != nil || waited != 0):
				t.Fatalf("Verify %v into the fault = %v after %v, want nil at once", at.Sub(began), err, waited)
			case at.Sub(began) >= 30*time.Second:
				wantOutage(t, err, opaque, f)
			}
			if waited > 2*time.Second {
				t.Errorf("Verify waited %v, want 2s at most", waited)
			}
			pass(max(0, 500*time.Millisecond-waited))
		}
		if n := a.count(); n < f.least || n > f.most {
			t.Errorf("%d questions in a minute, want %d to %d", n, f.least, f.most)
		}
		if s := v.Status()[0]; s.State != verifier.KeysStale || s.LastError == nil || !strings.Contains(s.LastError.Error(), f.want) {
			t.Errorf("Status = %+v, want the fault", s)
		}
		a.now(fault{}, transport)
		pass(30 * time.Second)
		if _, err := v.Verify(t.Context(), opaque); err != nil {
			t.Errorf("Verify after the fault = %v, want nil", err)
		}
	})
}

// TestFaultNewTokens: an authority that fails from the start refuses nobody for good,
// and is asked rarely, unless the tokens themselves could be the cause.
func TestFaultNewTokens(t *testing.T) {
	each(t, func(t *testing.T, a *authority, f fault) {
		v, transport := a.trust(t)
		a.now(f, transport)
		began := time.Now()
		for i := 0; time.Since(began) < time.Minute; i++ {
			at := time.Now()
			token := fmt.Sprintf("%s.%d", opaque, i)
			_, err := v.Verify(t.Context(), token)
			wantOutage(t, err, token, f)
			waited := time.Since(at)
			if most := map[bool]time.Duration{true: 2 * time.Second}[f.slow]; waited > most {
				t.Errorf("Verify waited %v, want %v at most", waited, most)
			}
			pass(max(0, 500*time.Millisecond-waited))
		}
		least, most := f.least, f.most+3
		if f.each {
			least, most = 120, 120
		}
		if strings.HasPrefix(f.name, "401") {
			most *= 2 // with the secret in the header, and in the form
		}
		if n := a.count(); n < least || n > most {
			t.Errorf("%d questions in a minute, want %d to %d", n, least, most)
		}
		a.now(fault{}, transport)
		pass(30 * time.Second)
		if _, err := v.Verify(t.Context(), opaque); err != nil {
			t.Errorf("Verify after the fault = %v, want nil", err)
		}
	})
}
