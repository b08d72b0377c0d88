// Package authority implements the command "m2mauth authority": a local authority
// that serves Stytch's M2M API on a fixed port, for development and tests without an
// account. It stores its clients and signing keys in a file.
package authority

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/m2mtest"
)

const defaultProject = "project-test-00000000-0000-4000-8000-000000000000"

// Run runs the command with the arguments after its name until ctx ends, and
// returns the exit status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return operate.Refuse(stderr, "authority", usage, err)
	}
	if err := run(ctx, stdout, o); err != nil {
		operate.Complain(stderr, "authority", err)
		return 1
	}
	return 0
}

// run serves the authority until ctx ends.
func run(ctx context.Context, out io.Writer, o *options) error {
	c := &clock{}
	opts := m2mtest.Options{
		ProjectID: o.project, Secret: o.secret, Store: m2mtest.NewMemoryStore(), Now: c.now,
		TokenTTL: o.life, CustomDomain: o.customDomain, ClaimsTemplate: o.template,
	}
	if !o.memory {
		s, err := openStore(o.file)
		if err != nil {
			return err
		}
		defer s.Close()
		opts.Store = s
		if opts.Secret == "" {
			if opts.Secret, err = s.secret(); err != nil {
				return err
			}
		}
	}
	if err := prepare(opts, o); err != nil {
		return err
	}
	opts.Addr, opts.Hosts = o.addr, o.names
	if o.tlsCA != "" {
		var err error
		if opts.TLS, err = serverTLS(o.tlsCA, o.names); err != nil {
			return err
		}
	}
	a, err := m2mtest.Start(&opts)
	if err != nil {
		return err
	}
	defer a.Close()
	controlURL := ""
	if o.control != "" {
		handler := &control{authority: a, clock: c, seeds: o.seeds, life: o.life, names: o.names}
		server, addr, err := serveControl(o.control, handler, opts.TLS)
		if err != nil {
			return err
		}
		defer server.Close()
		controlURL = o.urlOf(addr)
	}
	o.welcome(out, a, controlURL)
	<-ctx.Done()
	return nil
}

// prepare changes what opts.Store holds, before anybody can call the authority.
func prepare(opts m2mtest.Options, o *options) error {
	opts.NoServer = true
	a, err := m2mtest.Start(&opts)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.rotateKeys {
		a.RotateKeys()
	}
	return plant(a, o.seeds)
}

// urlOf returns the URL at which others call what listens at addr.
func (o *options) urlOf(addr *net.TCPAddr) string {
	scheme, host := "http://", addr.String()
	if o.tlsCA != "" {
		scheme = "https://"
	}
	if addr.IP.IsUnspecified() { // there are names: see checkAddress
		host = net.JoinHostPort(o.names[0], strconv.Itoa(addr.Port))
	}
	return scheme + host
}

// serveControl starts the server of the control, and returns its address.
func serveControl(addr string, handler http.Handler, secure *tls.Config) (*http.Server, *net.TCPAddr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("-control: can't listen: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it would show what clients send
	}
	if secure == nil {
		go func() { _ = server.Serve(l) }()
	} else {
		server.TLSConfig = secure.Clone()
		go func() { _ = server.ServeTLS(l, "", "") }()
	}
	return server, l.Addr().(*net.TCPAddr), nil
}
