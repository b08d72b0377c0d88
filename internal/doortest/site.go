package doortest

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Site is a real server that records which handler a request reached.
type Site struct {
	server  *httptest.Server
	reached chan string
}

// NewSite returns a Site that does not serve yet.
func NewSite() *Site { return &Site{reached: make(chan string, 1)} }

// Handler returns a handler that records name and the path of the request.
func (s *Site) Handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached <- name + " " + r.URL.Path
	})
}

// Serve starts the server for HTTP/1 and HTTP/2, without TLS.
func (s *Site) Serve(t *testing.T, h http.Handler) {
	s.server = httptest.NewUnstartedServer(h)
	s.server.Config.Protocols = new(http.Protocols)
	s.server.Config.Protocols.SetHTTP1(true)
	s.server.Config.Protocols.SetUnencryptedHTTP2(true)
	s.server.Start()
	t.Cleanup(s.server.Close)
}

// Ask sends one request. It returns the status, or 0 without a response, and the
// record of the reached handler, or "".
func (s *Site) Ask(t *testing.T, send func(net.Conn) (*http.Response, error)) (status int, reached string) {
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	res, err := send(conn)
	switch {
	case err == nil:
		status = res.StatusCode
	case !errors.Is(err, ErrReset):
		t.Fatal(err)
	}
	select {
	case reached = <-s.reached:
	default:
	}
	return status, reached
}

// Raw returns a function that sends a request of HTTP/1 by its first line and
// headers.
func Raw(line string, headers ...string) func(net.Conn) (*http.Response, error) {
	return func(conn net.Conn) (*http.Response, error) {
		return HTTP1(conn, line+"\r\n"+strings.Join(append(headers, "Connection: close"), "\r\n")+"\r\n\r\n")
	}
}
