package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/verifier"
)

// giveUp bounds the wait for one replica.
const giveUp = 20 * time.Second

// theft is a stolen token, with one stream open to each replica: over HTTP to every
// other one, and over gRPC to the rest.
type theft struct {
	fleet *fleet
	token string
	ended []chan ending // by replica
}

// ending tells when a replica refused a new call, right after it ended the stream.
type ending struct {
	at  time.Time
	err error // the stream ended otherwise, or the call was not refused
}

// steal opens the streams, and returns when all of them are open. They end with ctx.
func (f *fleet) steal(ctx context.Context, token string) (*theft, error) {
	t := &theft{fleet: f, token: token}
	for i, m := range f.members {
		ended := make(chan ending, 1)
		t.ended = append(t.ended, ended)
		wait, err := t.open(ctx, i, m)
		if err != nil {
			return nil, fmt.Errorf("a stream of the thief to %s: %w", m.name, err)
		}
		go func() {
			err := wait()
			if err == nil {
				err = t.refused(ctx, i, m)
			}
			ended <- ending{time.Now(), err}
		}()
	}
	return t, nil
}

// open opens a stream. The function that it returns waits until the stream has ended
// because the token was revoked, and returns an error if it ended otherwise.
func (t *theft) open(ctx context.Context, i int, m *member) (func() error, error) {
	if i%2 == 0 {
		return t.openHTTP(ctx, m)
	}
	return t.openGRPC(ctx, m)
}

func (t *theft) openHTTP(ctx context.Context, m *member) (func() error, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.HTTP+"/events", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+t.token)
	res, err := t.fleet.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(res.Body)
	if res.StatusCode != http.StatusOK || !lines.Scan() || lines.Text() != "event: open" {
		res.Body.Close()
		return nil, fmt.Errorf("%s, %q", res.Status, lines.Text())
	}
	return func() error {
		defer res.Body.Close()
		var last string
		for lines.Scan() {
			if lines.Text() != "" {
				last = lines.Text()
			}
		}
		if want := "data: " + string(verifier.Revoked); last != want || lines.Err() != nil {
			return fmt.Errorf("the stream ended with %q, want %q; %v", last, want, lines.Err())
		}
		return nil
	}, nil
}

func (t *theft) openGRPC(ctx context.Context, m *member) (func() error, error) {
	stream, err := m.health.Watch(t.outgoing(ctx), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return nil, err
	}
	if _, err := stream.Recv(); err != nil {
		return nil, err
	}
	return func() error {
		var err error
		for err == nil {
			_, err = stream.Recv()
		}
		return unauthenticated(err)
	}, nil
}

func (t *theft) outgoing(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+t.token)
}

func unauthenticated(err error) error {
	if s := status.Convert(err); s.Code() != codes.Unauthenticated || !strings.Contains(fmt.Sprint(s.Details()), "ACCESS_TOKEN_INVALID") {
		return fmt.Errorf("the status is %v, want %v with ACCESS_TOKEN_INVALID", s, codes.Unauthenticated)
	}
	return nil
}

// refused makes a new call, over the other protocol than that of the stream, and
// returns an error if it is not refused.
func (t *theft) refused(ctx context.Context, i int, m *member) error {
	if i%2 == 0 {
		_, err := m.health.Check(t.outgoing(ctx), &grpc_health_v1.HealthCheckRequest{})
		return unauthenticated(err)
	}
	res, _, err := t.fleet.get(ctx, m.HTTP+"/orders", t.token)
	if err != nil {
		return err
	}
	if challenge := res.Header.Get("WWW-Authenticate"); res.StatusCode != http.StatusUnauthorized || !strings.Contains(challenge, `error="invalid_token"`) {
		return fmt.Errorf("the response is %s, %q, want 401 and invalid_token", res.Status, challenge)
	}
	return nil
}

// wait waits until every replica has refused, and returns how long after since each of
// them did. What went wrong is lost.
func (t *theft) wait(since time.Time, r *report) (after []time.Duration) {
	timeout := time.After(giveUp)
	for i, m := range t.fleet.members {
		select {
		case e := <-t.ended[i]:
			if e.err != nil {
				r.lose("%s: after the cut-off: %v", m.name, e.err)
				continue
			}
			r.streamEnded()
			after = append(after, e.at.Sub(since))
		case <-timeout:
			r.lose("%s does not refuse within %v", m.name, giveUp)
			return after
		}
	}
	return after
}
