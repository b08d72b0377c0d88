// Command agent does what a CI job or an agent does: it gets a token, and calls an
// HTTP API and a gRPC API with it, over TLS. It exits non-zero if a call fails.
//
//	go run ./examples/agent                  # against a local authority that it starts itself
//	STYTCH_PROJECT_ID=… STYTCH_SECRET=… go run ./examples/agent    # against Stytch
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/examples/internal/flags"
	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

const usage = `Agent does what a CI job or an agent does: it gets a token with its own
credentials, and calls an HTTP API and a gRPC API with it. For the example it
also starts the APIs on loopback, and registers its client and deletes it
afterwards.

  -timeout D   give up after D (30s)
  -h           show this

It starts a local authority. If STYTCH_PROJECT_ID and STYTCH_SECRET are set, it
uses Stytch, or the server at STYTCH_URL.
`

func main() {
	set := flag.NewFlagSet("agent", flag.ContinueOnError)
	timeout := set.Duration("timeout", 30*time.Second, "")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	return w.project.WithClient(ctx, stytch.CreateParams{
		Name: "agent example", Scopes: []string{"read:orders"},
	}, func(own stytch.Credentials) error {
		return work(ctx, out, w, own)
	})
}

// work is the agent itself. Everything above only makes it possible to try it.
func work(ctx context.Context, out io.Writer, w *world, own stytch.Credentials) error {
	ctx, cancel := context.WithCancel(ctx) // ends the source's goroutine
	defer cancel()
	// A job would read its credentials from the environment or from a vault here. The
	// function is called for each fetch.
	credentialsNow := func(context.Context) (stytch.Credentials, error) { return own, nil }
	source, err := stytch.TokenSource(ctx, w.project.ID, credentialsNow, &stytch.TokenSourceOptions{
		TokenURL: w.project.TokenURL(),
		Scopes:   []string{"read:orders"},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "agent %s, secret %v\n", own.ClientID, own.ClientSecret)

	transport, err := source.RoundTripper(w.transport(), w.httpURL) // sends the token there alone
	if err != nil {
		return err
	}
	if err := overHTTP(ctx, out, &http.Client{Transport: transport}, w.httpURL); err != nil {
		return fmt.Errorf("HTTP: %w", err)
	}
	withToken, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(w.grpcAddr,
		append(withToken, grpc.WithTransportCredentials(credentials.NewTLS(w.clientTLS())))...)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := overGRPC(ctx, out, ordersv1.NewOrdersClient(conn)); err != nil {
		return fmt.Errorf("gRPC: %w", err)
	}
	return nil
}

func overHTTP(ctx context.Context, out io.Writer, client *http.Client, url string) error {
	for _, call := range []struct {
		method string
		want   int
	}{{http.MethodGet, http.StatusOK}, {http.MethodPost, http.StatusForbidden}} {
		req, err := http.NewRequestWithContext(ctx, call.method, url+"/orders", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		if res.StatusCode != call.want {
			return fmt.Errorf("%s: %s, want %d", call.method, res.Status, call.want)
		}
		if call.want == http.StatusOK {
			fmt.Fprintf(out, "HTTP GET: %s\n", strings.TrimSpace(string(text)))
		} else {
			fmt.Fprintf(out, "HTTP %s is refused, as it should be: %s\n", call.method, res.Header.Get("WWW-Authenticate"))
		}
	}
	return nil
}

func overGRPC(ctx context.Context, out io.Writer, orders ordersv1.OrdersClient) error {
	list, err := orders.List(ctx, &ordersv1.ListRequest{})
	if err != nil {
		return fmt.Errorf("List: %w", err)
	}
	fmt.Fprintf(out, "gRPC List: %d orders\n", len(list.GetOrders()))

	stream, err := orders.Watch(ctx, &ordersv1.WatchRequest{})
	if err != nil {
		return fmt.Errorf("Watch: %w", err)
	}
	n := 0
	for {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("Watch: %w", err)
		}
		n++
	}
	fmt.Fprintf(out, "gRPC Watch: %d orders\n", n)

	if _, err := orders.Create(ctx, &ordersv1.CreateRequest{Item: "jam"}); status.Code(err) != codes.PermissionDenied {
		return fmt.Errorf("the call of Create is not refused: %v", err)
	}
	fmt.Fprintln(out, "gRPC Create is refused, as it should be")
	return nil
}
