package m2mtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attackTimeout bounds one call: handlers of streams end by it.
const attackTimeout = 2 * time.Second

// httpDoor calls a handler without a socket, so that requests reach it which
// a polite client would not send.
type httpDoor struct {
	handler http.Handler
}

func (*httpDoor) carries(presented) bool { return true }

func (d *httpDoor) call(operation string, p presented) outcome {
	method, target := splitCall(operation)
	if p.form != "" && method != http.MethodPost && method != http.MethodPut && method != http.MethodPatch {
		p.form = "" // net/http reads no form of other methods
	}
	if p.query != "" {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + p.query
	}
	header := http.Header{}
	if p.authorization != nil {
		header["Authorization"] = p.authorization
	}
	for name, value := range p.elsewhere {
		header.Set(name, value)
	}
	return d.send(method, target, header, p.form)
}

// send makes one request as a server would have read it.
func (d *httpDoor) send(method, target string, header http.Header, form string) (got outcome) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return outcome{text: "can't be sent: " + err.Error(), broken: true}
	}
	ctx, cancel := context.WithTimeout(context.Background(), attackTimeout)
	defer cancel()
	r := (&http.Request{
		Method: method, URL: u, RequestURI: target, Host: "service.test",
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

// recorder notes an answer. It is no httptest.ResponseRecorder, whose package
// adds flags to every program that links it in.
type recorder struct {
	header  http.Header
	sent    http.Header // as they were when the status was written
	status  int
	body    bytes.Buffer
	flushed func()
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // before that, it is for information
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush is what handlers of streams call: what was to be known is known, so
// the request ends here.
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
