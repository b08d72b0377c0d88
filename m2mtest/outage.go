package m2mtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
)

// Endpoint is a set of the authority's endpoints.
type Endpoint uint8

const (
	KeysEndpoint    Endpoint = 1 << iota // the key set, FetchJWKS included
	TokenEndpoint                        // the token endpoint
	ClientsEndpoint                      // the calls about clients and their secrets

	allEndpoints = KeysEndpoint | TokenEndpoint | ClientsEndpoint
)

// Outage is how endpoints misbehave. The zero Outage is a 503 at all of them.
type Outage struct {
	Endpoints Endpoint // joined by |; all if zero
	Requests  int      // how many requests it hits; all until Restore if zero

	// The answer. With Status 200 and a Body, what should be a document is
	// something else.
	Status int // 503 if zero
	Header http.Header
	Body   string

	// Hang holds requests until their caller gives up, or until Restore: then
	// they are answered as if nothing had been.
	Hang bool

	// Drop closes the connection without an answer.
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

// What FetchJWKS returns where the server would answer nothing.
var (
	errDropped = errors.New("m2mtest: connection dropped")
	errClosed  = errors.New("m2mtest: the authority is closed")
)

// Fail starts an outage. It takes the place of one that is under way at the
// same endpoints. It panics if o contradicts itself.
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

// Restore ends all outages, and lets go of the requests that hang.
//
// In virtual time, requests that hang in a bubble must be let go from within
// that bubble.
func (a *Authority) Restore() { a.outages.end() }

// outages is what is under way. The zero value is nothing.
type outages struct {
	mu      sync.Mutex
	scripts map[Endpoint]*script
	waiting map[chan struct{}]struct{}
	closed  bool
}

// script is an outage and how many requests it still hits. The endpoints that
// it was started for share it.
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

// meet returns the outage that a request to e runs into, or nil. If it is to
// hang, it hangs here.
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
	// Each request waits on a channel of its own: one made elsewhere would not
	// count as waiting in a synctest bubble.
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
