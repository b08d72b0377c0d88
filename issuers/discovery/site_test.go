package discovery_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/issuers/discovery"
)

const api = "https://api.example.com"

// site is an https server on loopback that serves what each path says.
type site struct {
	*httptest.Server
	connections atomic.Int32

	mu    sync.Mutex
	paths map[string]http.HandlerFunc
	asked []string
}

func newSite(t *testing.T) *site {
	s := &site{paths: make(map[string]http.HandlerFunc)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		serve := s.paths[r.URL.Path]
		s.mu.Unlock()
		if serve == nil {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(&bytes.Buffer{}, "", 0) // failed handshakes are part of the tests
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// text serves a document in which $ is the server's URL.
func (s *site) text(doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.ReplaceAll(doc, "$", s.URL))
	}
}

func (s *site) serve(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths[path] = h
}

func (s *site) options() *discovery.Options {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &discovery.Options{Audiences: []string{api}, RootCAs: roots, AllowPrivate: true}
}

const oidcPath, oauthPath = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
