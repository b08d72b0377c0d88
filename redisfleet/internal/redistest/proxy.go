package redistest

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy forwards TCP connections to a server, until it is told to lose them. It is safe
// for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	healed  chan struct{} // closed unless blackholed
	refuse  bool
	closed  bool
	delay   time.Duration
	drop    func([]byte) bool // whether a response is lost; nil for none
	conns   map[net.Conn]struct{}
	clients int
}

// NewProxy starts a proxy for a server's address. It ends with the test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, conns: map[net.Conn]struct{}{}, healed: make(chan struct{})}
	close(p.healed)
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the address to connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Blackhole holds everything back from now on, without closing a connection. New
// connections are accepted, and get no response.
func (p *Proxy) Blackhole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.healed:
		p.healed = make(chan struct{})
	default:
	}
}

// Cut closes every connection, and refuses new ones until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
	p.closeConns()
}

// Delay holds every response back for d: not at all if 0.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// LoseResponse closes the connection of the next response for which match returns
// true. The server has run the command, and the client does not learn of it.
func (p *Proxy) LoseResponse(match func(response []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop = match
}

// Heal forwards again. What Blackhole held back arrives now, on connections that both
// ends kept.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
	p.release()
}

// Target sends new connections to another server, and cuts those that there are.
func (p *Proxy) Target(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
	p.closeConns()
}

// Clients returns the number of connections that a client holds open.
func (p *Proxy) Clients() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients
}

func (p *Proxy) release() {
	select {
	case <-p.healed:
	default:
		close(p.healed)
	}
}

func (p *Proxy) closeConns() {
	for conn := range p.conns {
		conn.Close()
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.listener.Close()
	p.closeConns()
	p.release()
	p.mu.Unlock()
	p.running.Wait()
}

// hold notes a connection, or closes it if there is to be none.
func (p *Proxy) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && p.hold(client) {
			p.running.Go(func() { p.serve(client) })
		}
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	p.clients++
	target := p.target
	p.mu.Unlock()
	defer p.forget(client, true)
	server, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil || !p.hold(server) {
		return
	}
	defer p.forget(server, false)
	done := make(chan struct{}, 2)
	p.running.Go(func() { p.copy(server, client, false); done <- struct{}{} })
	p.running.Go(func() { p.copy(client, server, true); done <- struct{}{} })
	<-done // either side ended: the other one ends too
}

func (p *Proxy) forget(conn net.Conn, isClient bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	conn.Close()
	if isClient {
		p.clients--
	}
}

// copy forwards one direction until an end, which it hands on only when not blackholed.
func (p *Proxy) copy(to, from net.Conn, responses bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		healed, delay, lose := p.healed, p.delay, false
		if responses && p.drop != nil && n > 0 && p.drop(b[:n]) {
			p.drop, lose = nil, true
		}
		p.mu.Unlock()
		// A client's end of a blackholed connection is noticed at once, so that Clients
		// counts it no more.
		if responses || err == nil {
			<-healed
		}
		if responses && delay > 0 {
			time.Sleep(delay)
		}
		if lose {
			return
		}
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			return
		}
	}
}
