package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

// vault is where the honest machines read their secret, for each token.
type vault struct {
	mu     sync.Mutex
	id     string
	secret stytch.Secret
}

func (v *vault) get(context.Context) (stytch.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return stytch.Credentials{ClientID: v.id, ClientSecret: v.secret}, nil
}

func (v *vault) set(s stytch.Secret) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secret = s
}

// calls counts the calls of the honest machines.
type calls struct {
	http, grpc, failed atomic.Int64

	mu      sync.Mutex
	longest time.Duration
	first   error // of those that failed
}

// count makes a call.
func (c *calls) count(n *atomic.Int64, call func() error) {
	began := time.Now()
	err := call()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, time.Since(began))
	if err == nil {
		n.Add(1)
		return
	}
	c.failed.Add(1)
	if c.first == nil {
		c.first = err
	}
}

// honest runs one honest machine until stop is closed: it calls every replica in turn,
// over HTTP and gRPC.
func (w *world) honest(ctx context.Context, stop <-chan struct{}) error {
	source, err := stytch.TokenSource(ctx, w.authority.ProjectID(), w.vault.get, &stytch.TokenSourceOptions{
		TokenURL: w.authority.TokenURL(), Transport: w.transport,
	})
	if err != nil {
		return err
	}
	defer source.Close()
	origins := []string{}
	clients := []grpc_health_v1.HealthClient{}
	options, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		return err
	}
	for _, r := range w.replicas {
		origins = append(origins, r.httpURL)
		conn, err := grpc.NewClient(r.grpcAddr, append(options, grpc.WithTransportCredentials(local.NewCredentials()))...)
		if err != nil {
			return err
		}
		defer conn.Close()
		clients = append(clients, grpc_health_v1.NewHealthClient(conn))
	}
	transport, err := source.RoundTripper(w.transport, origins...)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport}
	for i := 0; ; i++ {
		r := i % len(w.replicas)
		w.calls.count(&w.calls.http, func() error { return get(ctx, client, origins[r]+"/orders") })
		w.calls.count(&w.calls.grpc, func() error {
			_, err := clients[r].Check(ctx, &grpc_health_v1.HealthCheckRequest{})
			return err
		})
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answered %s, %s", res.Status, res.Header.Get("WWW-Authenticate"))
	}
	return nil
}
