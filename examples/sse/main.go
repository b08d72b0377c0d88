// Command sse serves server-sent events to machines, and ends each stream when its
// client may no longer call:
//
//	go run ./examples/sse
//
// One client's token expires after 3 seconds, and another client is revoked after 2.
// Each receives a last event with the reason.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a guarded feed.
func newServer(v *verifier.Verifier, every, recheck time.Duration) (http.Handler, error) {
	guard, err := httpmw.New(v, nil)
	if err != nil {
		return nil, err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /events", scopes.All("read:events"), &feed{v, every, recheck})
	return mux, mux.CheckCoverage()
}

// revoked holds the clients that may no longer call. In production, use a database
// with a cache.
type revoked struct{ ids sync.Map }

func (r *revoked) add(id string) { r.ids.Store(id, true) }

func (r *revoked) check(_ context.Context, c verifier.Client, _ verifier.Request) error {
	if _, found := r.ids.Load(c.ID); found {
		return verifier.Revoked
	}
	return nil
}

func run(ctx context.Context, out io.Writer) error {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	gone := &revoked{}
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Check:   gone.check,
		Leeway:  -1, // none, so that nobody has to wait for it here
	})
	if err != nil {
		return err
	}
	defer v.Close()
	handler, err := newServer(v, time.Second, 500*time.Millisecond)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	defer server.Close()
	url := "http://" + l.Addr().String() + "/events"

	fmt.Fprintln(out, "A token that expires after 3 seconds:")
	short := authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:events"}, TTL: 3 * time.Second})
	if err := follow(ctx, out, url, short); err != nil {
		return err
	}
	fmt.Fprintln(out, "A client that is revoked after 2 seconds:")
	const id = "m2m-client-test-1"
	time.AfterFunc(2*time.Second, func() { gone.add(id) })
	return follow(ctx, out, url, authority.Token(m2mtest.TokenSpec{ClientID: id, Scopes: []string{"read:events"}}))
}

// follow prints the events until the stream ends.
func follow(ctx context.Context, out io.Writer, url, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(out, answer.Body)
	return err
}
