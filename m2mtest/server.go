package m2mtest

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/stytch"
)

// check compiles the ClaimsTemplate, and returns every mistake in the options.
func (a *Authority) check(opts *Options) error {
	_, project := stytch.Issuer(a.projectID, nil)
	custom, template := parseTemplate(opts.ClaimsTemplate)
	a.custom = custom
	other, standIn := newStandIn(opts)
	a.standsFor = other
	return outbound.Mistakes("m2mtest",
		project,
		checkTTL(opts.TokenTTL),
		checkDomain(opts.CustomDomain),
		template,
		standIn,
		checkAddr(opts.Addr, opts.Hosts),
		checkHosts(opts.Hosts),
		checkNoServer(opts),
	)
}

func checkTTL(d time.Duration) error {
	if d < 0 || d%time.Second != 0 { // expires_in has whole seconds (RFC 6749 §5.1)
		return errors.New("option TokenTTL must be whole seconds above zero, or 0 for one hour")
	}
	return nil
}

// checkDomain accepts a domain in the spelling of "iss", which verifiers compare byte
// for byte.
func checkDomain(domain string) error {
	if err := outbound.CheckOrigin("CustomDomain", domain); err != nil {
		return err
	}
	if strings.HasSuffix(domain, "/") || domain != strings.ToLower(domain) {
		return errors.New(`option CustomDomain is the "iss" of tokens: write it in lower case and without a slash at the end`)
	}
	return nil
}

func checkAddr(addr string, hosts []string) error {
	host, _, err := net.SplitHostPort(addr)
	switch {
	case addr == "":
		return nil
	case err != nil:
		return fmt.Errorf(`option Addr %s has no port: write "127.0.0.1:" and a port`, redact.Quote(addr))
	case len(hosts) == 0 && !outbound.IsLoopback(host):
		return fmt.Errorf(`option Addr %s is no loopback address: write "127.0.0.1:" and a port, or the names of this machine in Hosts`,
			redact.Quote(addr))
	}
	return nil
}

func checkHosts(hosts []string) error {
	var errs []error
	for i, host := range hosts {
		if !outbound.IsHostName(host) {
			errs = append(errs, fmt.Errorf(`option Hosts[%d] %s is no host name: write it without scheme and port: "authority"`,
				i, redact.Quote(host)))
		}
	}
	return errors.Join(errs...)
}

func checkNoServer(opts *Options) error {
	if opts.NoServer && (opts.Addr != "" || len(opts.Hosts) > 0 || opts.TLS != nil) {
		return errors.New("option NoServer contradicts Addr, Hosts and TLS: leave it out to have a server")
	}
	return nil
}

// listen starts the server.
func (a *Authority) listen(opts *Options) error {
	addr := opts.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("m2mtest: can't listen: %w", err)
	}
	a.server = &http.Server{
		Handler:           namedOnly(opts.Hosts, a.handler),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(discard{}, "", 0), // outages are intentional
	}
	a.url = "http://" + authorityHost(l.Addr().(*net.TCPAddr), opts.Hosts)
	if opts.TLS == nil {
		go a.server.Serve(l)
		return nil
	}
	a.url = "https" + a.url[len("http"):]
	a.server.TLSConfig = opts.TLS.Clone()
	go a.server.ServeTLS(l, "", "")
	return nil
}

// authorityHost returns host and port of the URL by which the server is called.
func authorityHost(addr *net.TCPAddr, hosts []string) string {
	if addr.IP.IsUnspecified() { // there are hosts: see checkAddr
		return net.JoinHostPort(hosts[0], fmt.Sprint(addr.Port))
	}
	return addr.String()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// namedOnly refuses requests with a Host that is neither a loopback name nor one of
// hosts. This stops DNS rebinding: a web page can point its own name at 127.0.0.1.
func namedOnly(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !outbound.IsNamed(r.Host, hosts) {
			http.Error(w, "this authority answers to names of loopback and its configured hosts only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
