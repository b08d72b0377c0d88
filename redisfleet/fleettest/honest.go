package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

// machine is an honest client of the service, with a token source of its own.
type machine struct {
	fleet   *fleet
	id      string
	source  *tokensource.Source
	client  *http.Client
	options []grpc.DialOption

	mu    sync.Mutex
	conns map[*member]*grpc.ClientConn
}

func (f *fleet) newMachine(ctx context.Context) (*machine, error) {
	id, secret := f.authority.CreateClient("machine", scope)
	source, err := stytch.TokenSource(ctx, f.authority.ProjectID(), stytch.StaticCredentials(id, stytch.NewSecret(secret)),
		&stytch.TokenSourceOptions{TokenURL: f.authority.TokenURL(), Transport: f.transport})
	if err != nil {
		return nil, err
	}
	var origins []string
	for _, m := range f.members {
		origins = append(origins, m.HTTP)
	}
	transport, err := source.RoundTripper(f.transport, origins...)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	options, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &machine{
		fleet: f, id: id, source: source, client: &http.Client{Transport: transport},
		options: append(options, grpc.WithTransportCredentials(local.NewCredentials())),
		conns:   map[*member]*grpc.ClientConn{},
	}, nil
}

func (m *machine) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range m.conns {
		conn.Close()
	}
	m.source.Close()
}

// call calls a replica that chance selects, over HTTP or gRPC.
func (m *machine) call(ctx context.Context) (protocol string, err error) {
	to := m.fleet.members[rand.IntN(len(m.fleet.members))]
	if rand.IntN(2) == 0 {
		return "HTTP", m.get(ctx, to)
	}
	return "gRPC", m.check(ctx, to)
}

func (m *machine) get(ctx context.Context, to *member) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to.HTTP+"/orders", nil)
	if err != nil {
		return err
	}
	res, body, err := read(m.client.Do(r))
	if err != nil {
		return err
	}
	if want := "orders for " + m.id + "\n"; res.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("%s: %s, %s, %q", to.name, res.Status, res.Header.Get("WWW-Authenticate"), body)
	}
	return nil
}

func (m *machine) check(ctx context.Context, to *member) error {
	conn, err := m.dial(to)
	if err != nil {
		return err
	}
	if _, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
		return fmt.Errorf("%s: %w", to.name, err)
	}
	return nil
}

func (m *machine) dial(to *member) (*grpc.ClientConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if conn := m.conns[to]; conn != nil {
		return conn, nil
	}
	conn, err := grpc.NewClient(to.GRPC, m.options...)
	if err == nil {
		m.conns[to] = conn
	}
	return conn, err
}

// work calls until ctx ends. The call that ctx interrupts does not count.
func (m *machine) work(ctx context.Context, pause time.Duration, r *report) {
	for {
		began := time.Now()
		protocol, err := m.call(ctx)
		if ctx.Err() != nil {
			return
		}
		r.honest(protocol, time.Since(began), err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// recover calls until the machine has another token than the one that was shut out.
func (m *machine) recover(ctx context.Context, old string, r *report) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		began := time.Now()
		protocol, err := m.call(ctx)
		r.honest(protocol, time.Since(began), err)
		if token, e := m.source.TokenContext(ctx); e == nil && token.AccessToken != old {
			r.recovered()
			return
		}
	}
	r.lose("a machine whose token was shut out has no other after 20 s")
}
