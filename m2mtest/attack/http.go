package attack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/hostile"
)

// timeout bounds one call: it ends handlers of streams.
const timeout = 2 * time.Second

// httpDoor calls a handler without a socket, so that it can send requests that
// a correct client would not.
type httpDoor struct {
	handler http.Handler
	place   place
	proofs  *prover // nil if the server takes none
}

func (d *httpDoor) carries(c hostile.Credential) bool { return d.place.holds(c) && d.proofs.holds(c) }

func (d *httpDoor) more(operations []Operation, makers *makers, r *report) {
	d.attackRoutes(operations, makers, r)
}

func (d *httpDoor) call(operation string, c hostile.Credential) outcome {
	method, host, target := splitCall(operation)
	return d.send(request{method: method, host: host, target: target, credential: c})
}

// request describes one request.
type request struct {
	method, host, target string // the host is "service.test" if ""
	header               http.Header
	credential           hostile.Credential
}

// send makes one request as a server would have read it.
func (d *httpDoor) send(q request) (got outcome) {
	form := q.credential.Form
	if q.method != http.MethodPost && q.method != http.MethodPut && q.method != http.MethodPatch {
		form = "" // net/http reads no form of other methods
	}
	target := q.target
	if q.credential.Query != "" {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + q.credential.Query
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return outcome{text: "can't be sent: " + err.Error(), broken: true, unsent: true}
	}
	header := q.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	path, _, _ := strings.Cut(q.target, "?")
	presented, proofs := d.proofs.present(q.credential, q.method, path)
	if proofs != nil {
		header["Dpop"] = proofs
	}
	if values := d.place.values(presented); values != nil {
		header[http.CanonicalHeaderKey(d.place.name())] = values
	}
	for name, value := range q.credential.Elsewhere {
		header.Set(name, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r := (&http.Request{
		Method: q.method, URL: u, RequestURI: target, Host: cmp.Or(q.host, "service.test"),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: http.NoBody, RemoteAddr: "192.0.2.1:1234",
	}).WithContext(ctx)
	if form != "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	}
	w := &recorder{header: http.Header{}, flushed: cancel}
	defer func() {
		if p := recover(); p != nil {
			got = outcome{text: fmt.Sprintf("panicked: %v", p), crashed: true}
		}
	}()
	d.handler.ServeHTTP(w, r)
	return w.outcome()
}

// recorder records a response. httptest.ResponseRecorder would add the flags of
// its package to every program that links this one.
type recorder struct {
	header  http.Header
	sent    http.Header // as they were when the status was written
	status  int
	body    bytes.Buffer
	flushed func()
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx are informational
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush ends the request: a handler that streams has sent its status.
func (w *recorder) Flush() {
	w.WriteHeader(http.StatusOK)
	w.flushed()
}

func (w *recorder) outcome() outcome {
	w.WriteHeader(http.StatusOK)
	return outcome{
		text:       fmt.Sprint(w.status),
		statusCode: w.status,
		ok:         w.status < 300,
		refused: w.status == http.StatusUnauthorized || w.status == http.StatusForbidden ||
			w.sent.Get("WWW-Authenticate") != "",
		broken: w.status >= 500 || w.status == http.StatusMethodNotAllowed,
		body:   w.body.String(),
	}
}
