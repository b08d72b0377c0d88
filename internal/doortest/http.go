package doortest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// timeout ends an exchange that hangs.
const timeout = 10 * time.Second

// HTTP1 writes a request unchanged and reads the response.
func HTTP1(conn net.Conn, request string) (*http.Response, error) {
	conn.SetDeadline(time.Now().Add(timeout))
	method, _, _ := strings.Cut(request, " ")
	// A server that refuses early stops reading. Its response still counts.
	_, writeErr := io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReset, errors.Join(writeErr, err))
	}
	// A server that closes before it has read the whole request resets the
	// connection. Then only the rest of the body is lost.
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// Field is a field of an HTTP/2 request. Names of pseudo-fields begin with a
// colon.
type Field = hpack.HeaderField

// ErrReset reports that the server ended the stream or the connection without a
// response.
var ErrReset = errors.New("the server reset the stream")

// HTTP2 sends fields unchanged over a new connection, then body if it is not
// nil, and reads the response.
func HTTP2(conn net.Conn, fields []Field, body []byte) (*http.Response, error) {
	conn.SetDeadline(time.Now().Add(timeout))
	fr := http2.NewFramer(conn, conn)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		encoder.WriteField(f)
	}
	io.WriteString(conn, http2.ClientPreface)
	fr.WriteSettings()
	const frame = 16 << 10 // every server accepts this size
	first := block.Next(frame)
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndStream: body == nil, EndHeaders: block.Len() == 0})
	for block.Len() > 0 {
		next := block.Next(frame)
		fr.WriteContinuation(1, block.Len() == 0, next)
	}
	if body != nil {
		fr.WriteData(1, true, body)
	}
	res := &http.Response{Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}, Trailer: http.Header{}}
	var got bytes.Buffer
	for ended := false; !ended; {
		f, err := fr.ReadFrame()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrReset, err)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				fr.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			into := res.Header
			if res.StatusCode != 0 {
				into = res.Trailer
			}
			for _, field := range f.Fields {
				if field.Name == ":status" {
					res.StatusCode, _ = strconv.Atoi(field.Value)
					continue
				}
				into.Add(field.Name, field.Value)
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			got.Write(f.Data())
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame:
			return nil, fmt.Errorf("%w: %v", ErrReset, f.ErrCode)
		case *http2.GoAwayFrame:
			return nil, fmt.Errorf("%w: GOAWAY: %v", ErrReset, f.ErrCode)
		}
	}
	res.Body = io.NopCloser(&got)
	return res, nil
}

// ReadHTTP completes res from a response of httpmw, by RFC 6750 §3.1. It reports
// a refusal that depends on what the caller presented.
func ReadHTTP(t *testing.T, res Result, answer *http.Response, call Call) Result {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	res.Seen = fmt.Sprint(answer.StatusCode, answer.Header, answer.Trailer, string(body))
	if answer.StatusCode == http.StatusOK {
		if answer.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("challenge of a success = %s, want none", res.Seen)
		}
		return res
	}
	if answer.Header.Get("Content-Type") != "application/problem+json" {
		res.Transport = res.Seen
		return res
	}
	challenge := strings.Join(answer.Header.Values("WWW-Authenticate"), " | ")
	code, ok := map[int]verifier.Code{503: verifier.Unavailable, 429: verifier.TooManyRequests}[answer.StatusCode]
	if ok && challenge != "" {
		t.Errorf("challenges of %d = %s, want none", answer.StatusCode, challenge)
	} else if !ok {
		if code, ok = call.Challenges()[challenge]; !ok || code.HTTPStatus() != answer.StatusCode {
			t.Errorf("response = %s, want one of %v", res.Seen, call.Challenges())
		}
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("the body: %v", err)
	}
	want := map[string]any{
		"title": http.StatusText(answer.StatusCode), "status": answer.StatusCode, "detail": code.Message(), "error": code.String(),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("body = %v, want %v", got, want)
	}
	if answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", answer.Header.Get("Cache-Control"))
	}
	if after := answer.Header.Get("Retry-After"); (after != "") != (code == verifier.TooManyRequests) && code != verifier.Unavailable {
		t.Errorf("Retry-After of %v = %q, want it with Unavailable and TooManyRequests alone", code, after)
	}
	res.Code = code
	return res
}
