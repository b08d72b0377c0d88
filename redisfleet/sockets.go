package redisfleet

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// sockets are the connections that a client of rueidis has made. To close the client
// alone would wait for the response to a last PING. The zero value has none.
type sockets struct {
	mu    sync.Mutex
	conns []net.Conn
	ended bool
}

// dial connects and keeps the connection. It fails after cut, and if there are most
// connections already; 0 is no limit.
func (s *sockets) dial(ctx context.Context, timeout time.Duration, most int, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	s.mu.Lock()
	refused := s.ended || most > 0 && len(s.conns) >= most
	s.mu.Unlock()
	if refused {
		return nil, net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := connect(ctx, address, dialer, config)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		conn.Close()
		return nil, net.ErrClosed
	}
	s.conns = append(s.conns, conn)
	return conn, nil
}

// cut closes every connection, and no new one is made.
func (s *sockets) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.close(0)
}

// close closes all but the first connections. s.mu is held.
func (s *sockets) close(keep int) {
	for _, conn := range s.conns[min(keep, len(s.conns)):] {
		conn.Close()
	}
}
