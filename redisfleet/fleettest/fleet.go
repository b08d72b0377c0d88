package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/redisfleet"
)

const scope = "read:orders"

// member is one replica as its callers see it.
type member struct {
	addresses
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer // read only after the process has ended
	conn   *grpc.ClientConn
	health grpc_health_v1.HealthClient // without a token
}

// fleet holds the authority, the store and the replicas.
type fleet struct {
	authority *m2mtest.Authority
	issuer    string
	publisher *redisfleet.Publisher
	members   []*member
	transport *http.Transport
}

func newFleet(ctx context.Context, replicas int, store string) (f *fleet, err error) {
	f = &fleet{
		authority: m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")}),
		transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.publisher, err = redisfleet.NewPublisher(redisfleet.Options{Server: redisfleet.Server{Addr: store}}); err != nil {
		return f, err
	}
	if err := f.publisher.Init(ctx); err != nil {
		return f, err
	}
	issuer := f.authority.Issuer()
	f.issuer = issuer.Name
	var outputs []io.Reader
	for i := range replicas {
		m := &member{name: fmt.Sprintf("replica-%02d", i+1)}
		out, err := m.start(assignment{m.name, store, f.authority.ProjectID(), issuer.JWKSURL, issuer.Algorithms})
		if err != nil {
			return f, err
		}
		f.members, outputs = append(f.members, m), append(outputs, out)
	}
	for i, m := range f.members {
		if err := json.NewDecoder(outputs[i]).Decode(&m.addresses); err != nil {
			return f, fmt.Errorf("%s does not start: %w", m.name, err)
		}
		m.conn, err = grpc.NewClient(m.GRPC, grpc.WithTransportCredentials(local.NewCredentials()))
		if err != nil {
			return f, err
		}
		m.health = grpc_health_v1.NewHealthClient(m.conn)
	}
	return f, nil
}

// start starts this executable again, as a replica.
func (m *member) start(a assignment) (stdout io.Reader, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m.cmd = exec.Command(self)
	m.cmd.Env = append(os.Environ(), replicaEnv+"=1")
	m.cmd.Stderr = &m.stderr
	in, err := m.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if stdout, err = m.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	m.stdin = in
	return stdout, json.NewEncoder(in).Encode(a)
}

// close ends the replicas, and reports those that did not end well.
func (f *fleet) close() (err error) {
	for _, m := range f.members {
		if m.conn != nil {
			m.conn.Close()
		}
		m.stdin.Close()
	}
	for _, m := range f.members {
		timer := time.AfterFunc(10*time.Second, func() { m.cmd.Process.Kill() })
		if e := m.cmd.Wait(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w: %s", m.name, e, m.stderr.String()))
		}
		timer.Stop()
	}
	f.transport.CloseIdleConnections()
	f.authority.Close()
	return err
}

// get requests a URL with a token, and returns the response and its body.
func (f *fleet) get(ctx context.Context, url, token string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return read(f.transport.RoundTrip(r))
}

func read(res *http.Response, err error) (*http.Response, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// view asks a replica for the state of its list.
func (f *fleet) view(ctx context.Context, m *member) (v viewReport, err error) {
	res, body, err := f.get(ctx, m.HTTP+"/view", "")
	if err != nil {
		return v, err
	}
	if res.StatusCode != http.StatusOK {
		return v, errors.New(res.Status)
	}
	return v, json.Unmarshal(body, &v)
}
