package gateway_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// saas holds a token endpoint on a real socket, in front of an authority.
type saas struct {
	*m2mtest.Authority
	upstream   *stytchtest.Transport
	addr       string
	id, secret string

	mu      sync.Mutex
	answers []gateway.Answer
}

func newSaaS(t *testing.T, opts gateway.TokenEndpointOptions) *saas {
	t.Helper()
	return newSaaSAt(t, opts, "")
}

// newSaaSAt is newSaaS for a project with a custom domain at Stytch.
func newSaaSAt(t *testing.T, opts gateway.TokenEndpointOptions, domain string) *saas {
	t.Helper()
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true, CustomDomain: domain})
	s := &saas{Authority: a, upstream: &stytchtest.Transport{Handler: a}}
	s.id, s.secret = a.CreateClient("customer", "read:reports", "write:reports")
	opts.BaseURL = "http://localhost"
	if opts.Transport == nil {
		opts.Transport = s.upstream
	}
	if opts.PerAddress == (gateway.Limit{}) {
		opts.PerAddress = gateway.Limit{PerSecond: 1e6, Burst: 1e6}
	}
	opts.Observe = func(_ context.Context, answer gateway.Answer) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers = append(s.answers, answer)
	}
	h, err := gateway.NewTokenEndpoint(a.ProjectID(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.addr = server.Listener.Addr().String()
	return s
}

// last returns the last Answer that Observe received.
func (s *saas) last() gateway.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[len(s.answers)-1]
}

// answer holds a response.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// send writes a request unchanged, apart from its Content-Length.
func (s *saas) send(t *testing.T, start string, headers []string, body string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: login.example.com\r\nConnection: close\r\nContent-Length: %d\r\n", start, len(body))
	for _, h := range headers {
		io.WriteString(conn, h+"\r\n")
	}
	io.WriteString(conn, "\r\n"+body)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	if err := json.Unmarshal(text, &a.body); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return a
}

const (
	formType = "Content-Type: application/x-www-form-urlencoded"
	jsonType = "Content-Type: application/json"
)

func (s *saas) post(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	return s.send(t, "POST /oauth2/token", headers, body)
}

func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
