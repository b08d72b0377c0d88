package redisfleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// session is one connection to the server, and ends at its first error: WAIT counts
// only what the same connection has written, and a view is of one connection.
//
// A client of rueidis keeps a second connection, which is idle. The session uses it
// for its farewell.
type session struct {
	opts    *Options
	client  rueidis.Client
	conn    rueidis.DedicatedClient
	release func() bool // ends the watch over the context

	sockets   sockets
	connected bool // all connections are made: the first is the idle one; guarded by sockets.mu
}

// dial connects. When ctx ends, the connection is closed, so that a blocked read ends.
func dial(ctx context.Context, opts *Options) (*session, error) {
	s := &session{opts: opts}
	option := opts.Server.clientOption(opts.Timeout)
	option.DialCtxFn = func(_ context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		// The client's own context never ends.
		return s.sockets.dial(ctx, opts.Timeout, 0, address, dialer, config)
	}
	s.release = context.AfterFunc(ctx, s.interrupt)
	client, err := rueidis.NewClient(option)
	if err != nil {
		s.release()
		s.sockets.cut()
		if client != nil {
			client.Close()
		}
		return nil, fmt.Errorf("redisfleet: no connection: %w", opts.shown(err))
	}
	s.client = client
	s.conn, _ = client.Dedicate()
	s.sockets.mu.Lock()
	s.connected = true
	s.sockets.mu.Unlock()
	if err := ctx.Err(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// interrupt closes all but the idle connection.
func (s *session) interrupt() {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if s.connected {
		s.sockets.close(1)
		return
	}
	s.sockets.ended = true
	s.sockets.close(0)
}

// close ends the session. Sockets are closed first: the client would wait for the
// response to a last PING.
func (s *session) close() {
	s.release()
	s.sockets.cut()
	s.conn.Close()
	s.client.Close()
}

// errLoading reports that the server started a moment ago.
var errLoading = errors.New("redisfleet: the server is still loading its data")

// do runs a pipeline, whose last command may block for some time. The error is of the
// connection, which is then of no use; errors of the server are in the results.
func (s *session) do(ctx context.Context, block time.Duration, commands ...rueidis.Completed) ([]rueidis.RedisResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout+block)
	defer cancel()
	results := s.conn.DoMulti(ctx, commands...)
	for _, r := range results {
		if err := r.NonRedisError(); err != nil {
			return nil, fmt.Errorf("redisfleet: the connection failed: %w", s.opts.shown(err))
		}
		if refusal, ok := rueidis.IsRedisErr(r.Error()); ok && refusal.IsLoading() {
			return nil, errLoading
		}
	}
	return results, nil
}

// command returns a command. Arguments that are keys need no mark: one server has all.
func (s *session) command(words ...string) rueidis.Completed {
	return s.conn.B().Arbitrary(words...).Build()
}

// blocking returns a command whose response may take longer than the timeout.
func (s *session) blocking(words ...string) rueidis.Completed {
	return s.conn.B().Arbitrary(words...).Blocking()
}

// farewell runs a command on the idle connection, which outlives the context.
func (s *session) farewell(words ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), min(s.opts.Timeout, time.Second))
	defer cancel()
	_ = s.client.Do(ctx, s.client.B().Arbitrary(words...).Build())
}

// shown returns an error without the password, and with the server's text quoted.
func (o *Options) shown(err error) error {
	if refusal, ok := rueidis.IsRedisErr(err); ok {
		return errors.New("the server responded " + outbound.Quote(outbound.WithoutSecrets(refusal.Error(), o.Server.Password)))
	}
	return outbound.ErrorWithoutSecrets(err, o.Server.Password)
}

// refused describes a response to a command that is not as it should be.
func (o *Options) refused(command string, err error) error {
	return fmt.Errorf("redisfleet: %s: %w", command, o.shown(err))
}
