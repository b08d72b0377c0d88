package mcptest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// timeout bounds one request.
const timeout = 10 * time.Second

// version is that of the protocol in requests: the latest one with sessions.
const version = "2025-11-25"

// outcome describes how a request ended.
type outcome struct {
	status  int
	code    int64 // of a JSON-RPC error, or 0
	result  json.RawMessage
	session string // that was opened
	event   string // ID of the first event
	text    string // for a report
}

// accepted reports whether the message of a request reached what it called. A tool that
// fails has been reached. A guard's JSON-RPC errors have the HTTP status as their code.
func (o outcome) accepted() bool {
	unread := o.code == jsonrpc.CodeMethodNotFound || o.code == jsonrpc.CodeInvalidRequest
	return o.status < 300 && o.code <= 0 && !unread
}

// message returns a JSON-RPC request.
func message(method, params string) string {
	return `{"jsonrpc":"2.0","id":"1","method":"` + method + `","params":` + params + `}`
}

// post sends one message.
func (t *Target) post(token, session, body string, edits ...func(*http.Request)) outcome {
	return t.send(http.MethodPost, token, session, body, edits...)
}

// send makes one request. It ends a stream of GET as soon as it begins.
func (t *Target) send(method, token, session, body string, edits ...func(*http.Request)) (got outcome) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r := (&http.Request{
		Method: method, URL: &url.URL{Path: cmp.Or(t.Path, "/mcp")}, RequestURI: cmp.Or(t.Path, "/mcp"),
		Host: "service.test", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1234",
		Header: http.Header{"Accept": {"application/json, text/event-stream"}, "Mcp-Protocol-Version": {version}},
		Body:   readCloser{strings.NewReader(body)}, ContentLength: int64(len(body)),
	}).WithContext(ctx)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	for _, edit := range edits {
		edit(r)
	}
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	if method == http.MethodGet {
		w.flushed = cancel
	}
	defer func() {
		if p := recover(); p != nil {
			got = outcome{status: http.StatusOK, text: fmt.Sprintf("panicked: %v", p)} // counts as accepted
		}
	}()
	t.Handler.ServeHTTP(w, r)
	return w.outcome()
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// recorder records a response.
type recorder struct {
	*httptest.ResponseRecorder
	flushed func() // may be nil
}

func (w *recorder) Flush() {
	w.ResponseRecorder.Flush()
	if w.flushed != nil {
		w.flushed()
	}
}

func (w *recorder) outcome() outcome {
	body := w.Body.String()
	got := outcome{status: w.Code, session: w.Header().Get("Mcp-Session-Id"), text: fmt.Sprint(w.Code)}
	data := []string{body}
	for line := range strings.Lines(body) {
		if event, ok := strings.CutPrefix(line, "id: "); ok && got.event == "" {
			got.event = strings.TrimSpace(event)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			data = append(data, text)
		}
	}
	for _, text := range data {
		var message struct {
			Result json.RawMessage
			Error  *struct{ Code int64 }
		}
		if json.Unmarshal([]byte(text), &message) != nil {
			continue
		}
		if message.Result != nil {
			got.result = message.Result
		}
		if message.Error != nil {
			got.code = message.Error.Code
			got.text = fmt.Sprintf("%d, error %d", w.Code, got.code)
		}
	}
	return got
}

// open opens a session and returns its ID, or "" if the endpoint keeps none.
func (t *Target) open(token string) string {
	if t.Stateless {
		return ""
	}
	session := t.post(token, "", message("initialize", `{"protocolVersion":"`+version+`","capabilities":{},"clientInfo":{"name":"mcptest","version":"1"}}`)).session
	t.post(token, session, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return session
}
