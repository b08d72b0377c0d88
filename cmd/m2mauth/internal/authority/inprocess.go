package authority

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// inProcess returns a client of the authority's API that needs no network.
func inProcess(a *m2mtest.Authority) (*stytch.Client, error) {
	return stytch.New(a.ProjectID(), stytch.NewSecret(a.Secret()), &stytch.Options{
		BaseURL: "http://localhost", Transport: handlerTransport{a}, Retries: -1,
	})
}

// handlerTransport sends requests to a handler.
type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &recorder{status: http.StatusOK, header: http.Header{}}
	t.handler.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

// decode decodes one JSON value, with numbers as they are written. It refuses unknown
// members of structs. The names of objects must be checked before.
func decode(text []byte, dst any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	return decoder.Decode(dst)
}
