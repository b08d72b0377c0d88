package doortest

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Site is a real server, whose handlers tell of themselves.
type Site struct {
	server  *httptest.Server
	reached chan string
}

// NewSite makes a Site that does not serve yet.
func NewSite() *Site { return &Site{reached: make(chan string, 1)} }

// Handler makes a handler that tells of name and of the path it saw.
func (s *Site) Handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached <- name + " " + r.URL.Path
	})
}

// Serve starts the server. It speaks HTTP/2, too, without TLS.
func (s *Site) Serve(t *testing.T, h http.Handler) {
	s.server = httptest.NewUnstartedServer(h)
	s.server.Config.Protocols = new(http.Protocols)
	s.server.Config.Protocols.SetHTTP1(true)
	s.server.Config.Protocols.SetUnencryptedHTTP2(true)
	s.server.Start()
	t.Cleanup(s.server.Close)
}

// Ask sends one request, and returns the status and what the handler that was
// reached told; "" if none was. 0 is the status of no answer.
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

// Raw sends a request of HTTP/1 by its first line and headers.
func Raw(line string, headers ...string) func(net.Conn) (*http.Response, error) {
	return func(conn net.Conn) (*http.Response, error) {
		return HTTP1(conn, line+"\r\n"+strings.Join(append(headers, "Connection: close"), "\r\n")+"\r\n\r\n")
	}
}
