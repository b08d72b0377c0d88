package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

const (
	workers = 4                    // of each transport
	pace    = 5 * time.Millisecond // between two calls of a worker
	ahead   = tokenTTL / 2         // tokens are replaced that long before their end
)

// pipeline calls a service all the time, with one source of tokens.
type pipeline struct {
	source *tokensource.Source
	client *http.Client
	conn   *grpc.ClientConn
	url    string
	events chan tokensource.Event
	ended  chan struct{}

	http, grpc, failed, fetches atomic.Int64
	first                       atomic.Pointer[error] // that failed
}

// newPipeline makes the client's half: this is all that a program needs.
func newPipeline(w *world) (*pipeline, error) {
	p := &pipeline{url: w.httpURL, events: make(chan tokensource.Event, 100), ended: make(chan struct{})}
	var err error
	p.source, err = tokensource.New(tokensource.Config{
		TokenURL:     w.authority.TokenURL(),
		Credentials:  tokensource.SecretFunc(w.vault.credentials),
		RefreshAhead: ahead,
		Observe:      p.observe,
	})
	if err != nil {
		return nil, err
	}
	transport, err := p.source.RoundTripper(http.DefaultTransport.(*http.Transport).Clone(), w.httpURL)
	if err != nil {
		p.close()
		return nil, err
	}
	p.client = &http.Client{Transport: transport}
	options, err := grpctoken.DialOptions(p.source, nil)
	if err != nil {
		p.close()
		return nil, err
	}
	options = append(options, grpc.WithTransportCredentials(local.NewCredentials())) // TLS, if it were not on loopback
	if p.conn, err = grpc.NewClient(w.grpcAddr, options...); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pipeline) close() {
	if p.client != nil {
		p.client.CloseIdleConnections()
	}
	if p.conn != nil {
		p.conn.Close()
	}
	p.source.Close()
}

// start begins to call, until stop. The channel is closed when the last call has
// ended.
func (p *pipeline) start(ctx context.Context) <-chan struct{} {
	orders := ordersv1.NewOrdersClient(p.conn)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { p.work(ctx, &p.http, p.get) })
		all.Go(func() {
			p.work(ctx, &p.grpc, func(ctx context.Context) error {
				_, err := orders.List(ctx, &ordersv1.ListRequest{})
				return err
			})
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

func (p *pipeline) stop() { close(p.ended) }

// work repeats call, and counts.
func (p *pipeline) work(ctx context.Context, succeeded *atomic.Int64, call func(context.Context) error) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := call(ctx); err == nil {
			succeeded.Add(1)
		} else if ctx.Err() == nil {
			p.failed.Add(1)
			p.first.CompareAndSwap(nil, &err)
		}
	}
}

// get calls the service over HTTP.
func (p *pipeline) get(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/orders", nil)
	if err != nil {
		return err
	}
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /orders: %s", res.Status)
	}
	return err
}

// observe counts the fetches, and hands the events to the story.
func (p *pipeline) observe(e tokensource.Event) {
	if e.Kind != tokensource.Refused && e.Err == nil {
		p.fetches.Add(1)
	}
	select {
	case p.events <- e:
	default: // the story is not interested
	}
}

// after does step, and waits for the next fetch of a kind that succeeds, or that
// fails.
func (p *pipeline) after(ctx context.Context, step func(), kind tokensource.EventKind, success bool) error {
	for len(p.events) > 0 {
		<-p.events // from before
	}
	step()
	for {
		select {
		case e := <-p.events:
			if e.Kind == kind && (e.Err == nil) == success {
				return nil
			}
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), p.failure())
		}
	}
}

// reach waits until n more calls have succeeded.
func (p *pipeline) reach(ctx context.Context, n int64) error {
	want := p.http.Load() + p.grpc.Load() + n
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for p.http.Load()+p.grpc.Load() < want {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), p.failure())
		}
	}
	return nil
}

// failure returns an error if a call failed.
func (p *pipeline) failure() error {
	if first := p.first.Load(); first != nil {
		return fmt.Errorf("%d calls failed, the first of them: %w", p.failed.Load(), *first)
	}
	return nil
}
