package redisfleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

var errClosed = errors.New("redisfleet: closed")

// client is a connection that concurrent calls share. The first call makes it. Any
// error of the network closes it, and the next call makes another one.
type client struct {
	server  Server
	timeout time.Duration
	pause   time.Duration // how long calls fail at once after an outage

	mu      sync.Mutex
	current *link // nil if there is none
	closed  bool
	links   sync.WaitGroup // goroutines that make or close a link

	outage  error     // the last call's; nil if it succeeded
	retryAt time.Time // when the next call tries again after an outage
}

// link is one connection, or the attempt to make it.
type link struct {
	ready  chan struct{} // closed when client or err is set
	client rueidis.Client
	err    error

	sockets sockets // one at most
}

// call runs a command with a connection. Its error is of the network, and reports an
// outage; errors of the server are in the result. A second attempt has a connection
// of its own.
func (c *client) call(ctx context.Context, attempts int, run func(context.Context, rueidis.Client) rueidis.RedisResult) (result rueidis.RedisResult, err error) {
	if err := c.admit(); err != nil {
		return result, err
	}
	for range attempts {
		if result, err = c.attempt(ctx, run); err == nil || ctx.Err() != nil {
			break
		}
	}
	c.settle(ctx, err)
	return result, err
}

// admit returns the error of an outage until it is time to try again. One call then
// tries, and the others still fail at once: a silent store must not hold every call up.
func (c *client) admit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch now := time.Now(); {
	case c.closed:
		return errClosed
	case c.outage == nil:
		return nil
	case now.Before(c.retryAt):
		return c.outage
	default:
		c.retryAt = now.Add(2*c.timeout + c.pause)
		return nil
	}
}

func (c *client) settle(ctx context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.outage = nil
	case ctx.Err() == nil || c.outage != nil:
		c.outage, c.retryAt = err, time.Now().Add(c.pause)
	}
}

func (c *client) attempt(ctx context.Context, run func(context.Context, rueidis.Client) rueidis.RedisResult) (rueidis.RedisResult, error) {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	failed := func(err error) (rueidis.RedisResult, error) {
		if ctx.Err() != nil {
			err = ctx.Err() // the caller's: no outage
		}
		return rueidis.RedisResult{}, fmt.Errorf("redisfleet: no response of the store: %w", outbound.ErrorWithoutSecrets(err, c.server.Password))
	}
	l, err := c.link()
	if err != nil {
		return failed(err)
	}
	select {
	case <-l.ready:
		err = l.err
	case <-bounded.Done():
		err = bounded.Err()
	}
	if err == nil {
		result := run(bounded, l.client)
		if err = result.NonRedisError(); err == nil {
			if refusal := result.Error(); refusal != nil && !rueidis.IsRedisNil(refusal) {
				c.drop(l) // a primary that became a replica: the name may lead to another one now
			}
			return result, nil
		}
	}
	if ctx.Err() == nil { // a caller that goes away does not cost the others the connection
		c.drop(l)
	}
	return failed(err)
}

// link returns the current link, and begins to make one if there is none.
func (c *client) link() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.current == nil {
		l := &link{ready: make(chan struct{})}
		c.current = l
		c.links.Go(func() { l.dial(c.server, c.timeout) })
	}
	return c.current, nil
}

// drop closes a link that failed.
func (c *client) drop(l *link) {
	c.mu.Lock()
	if c.current == l {
		c.current = nil
		c.links.Go(l.close)
	}
	c.mu.Unlock()
}

// close ends the connection, and waits until it is closed.
func (c *client) close() {
	c.mu.Lock()
	l := c.current
	c.current, c.closed = nil, true
	if l != nil {
		c.links.Go(l.close)
	}
	c.mu.Unlock()
	c.links.Wait()
}

func (l *link) dial(server Server, timeout time.Duration) {
	defer close(l.ready)
	option := server.clientOption(timeout)
	// Commands are queued: one that its caller abandons leaves the connection in order.
	option.AlwaysPipelining = true
	option.DialCtxFn = func(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		return l.sockets.dial(ctx, timeout, 1, address, dialer, config)
	}
	made, err := rueidis.NewClient(option)
	if err != nil {
		l.err = err
		l.sockets.cut()
		if made != nil {
			made.Close()
		}
		return
	}
	l.client = made
}

// close closes the socket first, so that nothing waits for a response anymore.
func (l *link) close() {
	l.sockets.cut()
	<-l.ready
	if l.client != nil {
		l.client.Close()
	}
}

// shown returns an error of the server for a message: quoted, and without the password.
func (c *client) shown(err error) error {
	return errors.New("redisfleet: the store responded " + outbound.Quote(outbound.WithoutSecrets(err.Error(), c.server.Password)))
}
