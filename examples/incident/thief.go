package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/stytch"
)

// thief has the leaked secret, and a token that was got with it. It calls each replica
// all the time, and holds a stream open to each.
type thief struct {
	w     *world
	token string

	accepted atomic.Int64
	streams  atomic.Int64 // that are open

	mu      sync.Mutex
	last    time.Time       // the last call that was accepted
	refused []time.Duration // by replica: when it first refused, since w.began
	ended   []ending        // of the streams
}

type ending struct {
	after  time.Duration
	status *status.Status
}

// getToken gets a token with the leaked secret, as the thief does.
func (w *world) getToken(ctx context.Context, secret stytch.Secret) (string, error) {
	source, err := stytch.TokenSource(ctx, w.authority.ProjectID(), stytch.StaticCredentials(w.vault.id, secret), &stytch.TokenSourceOptions{
		TokenURL: w.authority.TokenURL(), Transport: w.transport,
	})
	if err != nil {
		return "", err
	}
	defer source.Close()
	token, err := source.TokenContext(ctx)
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}

// call calls one replica until stop is closed.
func (t *thief) call(ctx context.Context, r *replica, stop <-chan struct{}) error {
	refused := false
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.httpURL+"/orders", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+t.token)
		res, err := t.w.transport.RoundTrip(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		switch {
		case res.StatusCode == http.StatusOK:
			t.accepted.Add(1)
			t.mu.Lock()
			t.last = time.Now()
			t.mu.Unlock()
		case !refused && res.StatusCode == http.StatusUnauthorized:
			refused = true
			t.mu.Lock()
			t.refused = append(t.refused, time.Since(t.w.began))
			t.mu.Unlock()
		}
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// watch holds a stream open until the replica ends it.
func (t *thief) watch(ctx context.Context, r *replica) error {
	conn, err := grpc.NewClient(r.grpcAddr, grpc.WithTransportCredentials(local.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+t.token)
	stream, err := grpc_health_v1.NewHealthClient(conn).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	t.streams.Add(1)
	for err == nil {
		_, err = stream.Recv()
	}
	t.streams.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = append(t.ended, ending{time.Since(t.w.began), status.Convert(err)})
	return nil
}
