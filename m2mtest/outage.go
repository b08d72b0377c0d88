package m2mtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
)

// Endpoint names endpoints of the authority. Join several by |.
type Endpoint uint8

const (
	KeysEndpoint    Endpoint = 1 << iota // the key set and FetchJWKS
	TokenEndpoint                        // the token endpoint
	ClientsEndpoint                      // the calls that manage clients

	allEndpoints = KeysEndpoint | TokenEndpoint | ClientsEndpoint
)

// Outage describes how endpoints fail. The zero Outage is a 503 at all of them.
type Outage struct {
	Endpoints Endpoint // that fail; all if zero
	Requests  int      // how many requests fail; all until Restore if zero

	// Status, Header and Body are the response. A Status of 200 with a Body
	// replaces the right document by a wrong one.
	Status int // 503 if zero
	Header http.Header
	Body   string

	// Hang holds requests until the caller gives up, or until Restore. After
	// Restore they get the usual response.
	Hang bool

	// Drop closes the connection without a response.
	Drop bool
}

func (o *Outage) status() int {
	if o.Status == 0 {
		return http.StatusServiceUnavailable
	}
	return o.Status
}

func (o *Outage) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), o.Header)
	w.WriteHeader(o.status())
	w.Write([]byte(o.Body))
}

// errDropped is FetchJWKS's error where the server would drop the connection.
var (
	errDropped = errors.New("m2mtest: connection dropped")
	errClosed  = errors.New("m2mtest: the authority is closed")
)

// Fail starts an outage. It replaces an earlier one at the same endpoints. It
// panics if o contradicts itself.
func (a *Authority) Fail(o Outage) {
	switch {
	case o.Hang && o.Drop:
		panic("m2mtest: Fail: an Outage either hangs or drops: set one of Hang and Drop")
	case o.Status != 0 && (o.Status < 200 || o.Status > 599):
		panic(fmt.Sprintf("m2mtest: Fail: Status %d: write an HTTP status from 200 to 599, or 0 for 503", o.Status))
	case o.Requests < 0:
		panic("m2mtest: Fail: Requests is negative: write 0 to fail until Restore")
	case o.Endpoints&^allEndpoints != 0:
		panic("m2mtest: Fail: unknown Endpoints: join KeysEndpoint, TokenEndpoint and ClientsEndpoint by |")
	}
	o.Header = o.Header.Clone()
	a.outages.begin(o)
}

// Restore ends all outages and releases the requests that hang.
//
// In virtual time, call it in the bubble in which the requests hang.
func (a *Authority) Restore() { a.outages.end() }

// outages holds the current outages. The zero value has none.
type outages struct {
	mu      sync.Mutex
	scripts map[Endpoint]*script
	waiting map[chan struct{}]struct{}
	closed  bool
}

// script is an outage with the number of requests that still fail. Its
// endpoints share it.
type script struct {
	Outage
	left int // -1: any number
}

func (s *outages) begin(o Outage) {
	if o.Endpoints == 0 {
		o.Endpoints = allEndpoints
	}
	started := &script{Outage: o, left: -1}
	if o.Requests > 0 {
		started.left = o.Requests
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scripts == nil {
		s.scripts = map[Endpoint]*script{}
	}
	for e := KeysEndpoint; e <= ClientsEndpoint; e <<= 1 {
		if o.Endpoints&e != 0 {
			s.scripts[e] = started
		}
	}
}

func (s *outages) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = nil
	for wait := range s.waiting {
		close(wait)
	}
	s.waiting = nil
}

func (s *outages) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
}

// meet returns the outage that a request to e meets, or nil. An outage with
// Hang makes it wait.
func (s *outages) meet(ctx context.Context, e Endpoint) (*Outage, error) {
	for {
		o, wait, err := s.next(e)
		if wait == nil {
			return o, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			s.forget(wait)
			return nil, ctx.Err()
		}
	}
}

func (s *outages) next(e Endpoint) (o *Outage, wait chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	current := s.scripts[e]
	if current == nil || current.left == 0 {
		return nil, nil, nil
	}
	if current.left > 0 {
		current.left--
	}
	if !current.Hang {
		return &current.Outage, nil, nil
	}
	// Each request waits on its own channel: waiting on a channel from outside
	// does not block durably in a synctest bubble.
	wait = make(chan struct{})
	if s.waiting == nil {
		s.waiting = map[chan struct{}]struct{}{}
	}
	s.waiting[wait] = struct{}{}
	return nil, wait, nil
}

func (s *outages) forget(wait chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, wait)
}
