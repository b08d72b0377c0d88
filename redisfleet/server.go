package redisfleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// Server tells how to reach a Redis or Valkey server. Addr is required.
type Server struct {
	Addr     string // host and port; of the primary
	Username string // an ACL user; "default" if empty
	Password string // never shown in an error

	// TLS configures the connection. It is required unless the host is loopback: who
	// can change the traffic can shut everyone out, or let anyone in. Its ServerName
	// is the host of Addr if empty.
	TLS *tls.Config

	// InsecurePlaintext allows a connection without TLS to a host that is not
	// loopback.
	InsecurePlaintext bool
}

// ParseServer parses "rediss://user:password@host:port", with TLS, or "redis://", without
// it. The port is 6379 if missing. Its errors show no part of raw.
func ParseServer(raw string) (Server, error) {
	mistake := func(text string) (Server, error) { return Server{}, errors.New("redisfleet: the server's URL " + text) }
	u, err := url.Parse(raw)
	if err != nil {
		return mistake("is malformed") // the error quotes the URL
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return mistake("does not begin with rediss:// or redis://")
	}
	if !outbound.IsAbsolute(u) {
		return mistake("names no host")
	}
	if u.Path != "" && u.Path != "/" && u.Path != "/0" || u.RawQuery != "" || u.Fragment != "" {
		return mistake("has a path, a query or a fragment: want only the host, and database 0")
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	s := Server{Addr: net.JoinHostPort(u.Hostname(), port), Username: u.User.Username()}
	s.Password, _ = u.User.Password()
	if u.Scheme == "rediss" {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s, nil
}

// String returns the address, without the password.
func (s Server) String() string { return s.Addr }

// GoString is String: %#v shows no password.
func (s Server) GoString() string { return fmt.Sprintf("redisfleet.Server{Addr: %q}", s.Addr) }

// check returns every mistake.
func (s Server) check() (errs []error) {
	host, port, err := net.SplitHostPort(s.Addr)
	switch {
	case s.Addr == "":
		errs = append(errs, errors.New("Server.Addr is empty"))
	case err != nil || host == "" || port == "" || strings.Contains(s.Addr, "/"):
		errs = append(errs, errors.New("Server.Addr is not a host and a port, such as \"redis.internal:6379\""))
	case s.TLS == nil && !s.InsecurePlaintext && !outbound.IsLoopback(host):
		errs = append(errs, fmt.Errorf("Server.TLS is nil, and %s is not loopback", outbound.Quote(host)))
	}
	if s.Username != "" && s.Password == "" {
		errs = append(errs, errors.New("Server.Username is set without a Password"))
	}
	return errs
}

// clientOption returns the options of a client that repeats nothing, keeps nothing and
// follows no redirection.
func (s Server) clientOption(timeout time.Duration) rueidis.ClientOption {
	config := s.TLS
	if config != nil {
		config = config.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(s.Addr)
		}
	}
	return rueidis.ClientOption{
		InitAddress:         []string{s.Addr},
		Username:            s.Username,
		Password:            s.Password,
		TLSConfig:           config,
		Dialer:              net.Dialer{Timeout: timeout, KeepAlive: -1}, // every command has a deadline
		ConnWriteTimeout:    timeout,
		ForceSingleClient:   true,
		DisableRetry:        true,
		DisableCache:        true,
		PipelineMultiplex:   -1,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		RingScaleEachConn:   8,
		ReadBufferEachConn:  64 << 10,
		WriteBufferEachConn: 16 << 10,
	}
}

// connect opens one connection, with TLS if config is not nil.
func connect(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	if config == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
}
