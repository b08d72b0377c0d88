package httpmw_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
)

// guards are the ways in which a handler can be guarded.
var guards = map[string]func(*testing.T, *httpmw.Middleware, doortest.Call, http.Handler) http.Handler{
	"Middleware": func(_ *testing.T, m *httpmw.Middleware, call doortest.Call, h http.Handler) http.Handler {
		if call.Need.IsZero() {
			// Require refuses to make such a handler; an adapter of a router may
			// come by a route without a requirement.
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.Serve(w, r, "x", call.Need, h) })
		}
		return m.Require(call.Need)(h)
	},
	"Mux": func(t *testing.T, m *httpmw.Middleware, call doortest.Call, h http.Handler) http.Handler {
		if call.Need.IsZero() {
			t.Skip("on a Mux, a route without a requirement does not come into being")
		}
		x := newMux(t, m)
		x.Handle("/x", call.Need, h)
		return x
	},
}

// TestHTTPDoors runs the table of decisions through Middleware and Mux.
func TestHTTPDoors(t *testing.T) {
	for name := range guards {
		t.Run(name, func(t *testing.T) {
			doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
				h := guarded(t, name, v, call, func(c verifier.Client) { res.Reached, res.Client = true, c })
				method, body := "GET", ""
				if call.Form != "" {
					method, body = "POST", call.Form
				}
				r := httptest.NewRequest(method, "/x?"+call.Query, strings.NewReader(body))
				r.Header["Authorization"] = call.Authorization
				if call.Proofs != nil {
					r.Header["Dpop"] = call.Proofs(method, "/x")
				}
				r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
				for name, value := range call.Elsewhere {
					r.Header.Set(name, value)
				}
				r.TLS = &tls.ConnectionState{PeerCertificates: call.PeerCertificates}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return doortest.ReadHTTP(t, res, w.Result(), call)
			})
		})
	}
}

// guarded is a guarded handler that calls reached with the client.
func guarded(t *testing.T, guard string, v *verifier.Verifier, call doortest.Call, reached func(verifier.Client)) http.Handler {
	m, err := httpmw.New(v, &httpmw.Options{Origin: doortest.Origin})
	if err != nil {
		t.Fatal(err)
	}
	return guards[guard](t, m, call, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := verifier.ClientFromContext(r.Context())
		reached(c)
	}))
}

// TestSocketDoors runs the table through a real server, over connections
// that send each byte unchanged.
func TestSocketDoors(t *testing.T) {
	for _, tt := range []struct {
		proto, guard string
		wire         doortest.Wire
		send         func(net.Conn, doortest.Call) (*http.Response, error)
	}{
		// HTTP/1.1 takes off the white space around a value, and a line ends at
		// a line feed. HTTP/2 does neither. Both refuse control characters.
		{"http/1.1", "Mux", doortest.Wire{Trims: true, Refuses: func(value string) bool {
			return doortest.Controls(strings.TrimSuffix(value, "\n"))
		}}, sendHTTP1},
		{"h2", "Middleware", doortest.Wire{Refuses: doortest.Controls}, sendHTTP2},
	} {
		t.Run(tt.proto+" "+tt.guard, func(t *testing.T) {
			cert := tlstest.New(t)
			doortest.RunOver(t, tt.wire, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
				reached := make(chan verifier.Client, 1)
				server := httptest.NewUnstartedServer(guarded(t, tt.guard, v, call, func(c verifier.Client) { reached <- c }))
				server.EnableHTTP2 = true
				server.TLS = cert.ServerConfig()
				server.Config.Protocols = new(http.Protocols)
				server.Config.Protocols.SetHTTP1(true)
				server.Config.Protocols.SetHTTP2(true)
				server.Config.Protocols.SetUnencryptedHTTP2(true)
				var conn net.Conn
				var err error
				if cfg := call.ClientTLS(cert, tt.proto); cfg != nil {
					server.StartTLS()
					conn, err = tls.Dial("tcp", server.Listener.Addr().String(), cfg)
				} else {
					server.Start()
					conn, err = net.Dial("tcp", server.Listener.Addr().String())
				}
				defer server.Close()
				if err != nil {
					t.Fatal(err)
				}
				answer, err := tt.send(conn, call)
				conn.Close()
				server.Close() // waits for the handler
				select {
				case res.Client = <-reached:
					res.Reached = true
				default:
				}
				if errors.Is(err, doortest.ErrReset) {
					res.Transport = err.Error()
					return res
				}
				if err != nil {
					t.Fatal(err)
				}
				return doortest.ReadHTTP(t, res, answer, call)
			})
		})
	}
}

func sendHTTP1(conn net.Conn, call doortest.Call) (*http.Response, error) {
	method := "GET"
	if call.Form != "" {
		method = "POST"
	}
	var b strings.Builder
	b.WriteString(method + " /x?" + call.Query + " HTTP/1.1\r\nHost: service.test\r\nConnection: close\r\n")
	b.WriteString("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(call.Form)) + "\r\n")
	for _, value := range call.Authorization {
		b.WriteString("Authorization: " + value + "\r\n")
	}
	if call.Proofs != nil {
		for _, proof := range call.Proofs(method, "/x") {
			b.WriteString("DPoP: " + proof + "\r\n")
		}
	}
	for name, value := range call.Elsewhere {
		b.WriteString(name + ": " + value + "\r\n")
	}
	return doortest.HTTP1(conn, b.String()+"\r\n"+call.Form)
}

func sendHTTP2(conn net.Conn, call doortest.Call) (*http.Response, error) {
	fields := []doortest.Field{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "service.test"},
		{Name: ":path", Value: "/x?" + call.Query}, {Name: "content-type", Value: "application/x-www-form-urlencoded"},
	}
	var body []byte
	if call.Form != "" {
		fields[0].Value, body = "POST", []byte(call.Form)
	}
	for _, value := range call.Authorization {
		fields = append(fields, doortest.Field{Name: "authorization", Value: value})
	}
	if call.Proofs != nil {
		for _, proof := range call.Proofs(fields[0].Value, "/x") {
			fields = append(fields, doortest.Field{Name: "dpop", Value: proof})
		}
	}
	for name, value := range call.Elsewhere {
		fields = append(fields, doortest.Field{Name: name, Value: value})
	}
	return doortest.HTTP2(conn, fields, body)
}
