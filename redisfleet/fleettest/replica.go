package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// replicaEnv makes this executable a replica.
const replicaEnv = "FLEETTEST_REPLICA"

// assignment is what a replica reads from its standard input, as one line of JSON. It
// ends when the input does.
type assignment struct {
	Name       string
	Store      string
	Project    string
	JWKSURL    string
	Algorithms []string
}

// addresses is what it then writes to its standard output.
type addresses struct{ HTTP, GRPC string }

// viewReport is the response of GET /view.
type viewReport struct {
	Confirmed int64 // Unix time in nanoseconds
	Fresh     bool
	Entries   int
}

func replicaMain() int {
	if err := replica(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		return 1
	}
	return 0
}

// replica serves until in ends.
func replica(in io.Reader, out io.Writer) error {
	input := bufio.NewReader(in)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var a assignment
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	source, err := redisfleet.NewRevocations(redisfleet.Options{Server: redisfleet.Server{Addr: a.Store}, Replica: a.Name})
	if err != nil {
		return err
	}
	list, err := revocation.New(revocation.Config{Source: source})
	if err != nil {
		return err
	}
	defer list.Close()
	issuer, err := stytch.Issuer(a.Project, nil)
	if err != nil {
		return err
	}
	issuer.JWKSURL, issuer.Algorithms = a.JWKSURL, a.Algorithms
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, Revocations: list})
	if err != nil {
		return err
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := list.Ready(ctx); err != nil {
		return err
	}
	if err := v.Ready(ctx); err != nil {
		return err
	}
	web, err := serveHTTP(v, list)
	if err != nil {
		return err
	}
	rpc, err := serveGRPC(v)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(addresses{web, rpc}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

func serveHTTP(v *verifier.Verifier, list *revocation.List) (addr string, err error) {
	guard, err := httpmw.New(v, nil)
	if err != nil {
		return "", err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return "", err
	}
	mux.HandleFunc("GET /orders", scopes.All(scope), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(w, "orders for", client.ID)
	})
	mux.HandleFunc("GET /events", scopes.All(scope), func(w http.ResponseWriter, r *http.Request) {
		events(v, w, r)
	})
	mux.HandleFunc("GET /view", scopes.Public(), func(w http.ResponseWriter, r *http.Request) {
		s := list.Status()
		json.NewEncoder(w).Encode(viewReport{s.Confirmed.UnixNano(), s.Fresh, s.Entries})
	})
	if err := mux.CheckCoverage(); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go (&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
	return "http://" + l.Addr().String(), nil
}

// events sends one event at once, and a last one, with the Reason, when the client may
// no longer call.
func events(v *verifier.Verifier, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := v.WhileValid(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "event: open\ndata:\n\n")
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	<-ctx.Done()
	if r.Context().Err() == nil {
		fmt.Fprintf(w, "event: end\ndata: %s\n\n", verifier.AsError(context.Cause(ctx)).Reason)
	}
}

// serveGRPC serves grpc.health.v1.Health, guarded: Check is a call, and Watch a stream
// that stays open.
func serveGRPC(v *verifier.Verifier) (addr string, err error) {
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.All(scope)}, nil)
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(local.NewCredentials()))...)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	if err := guard.CheckCoverage(server.GetServiceInfo()); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go server.Serve(l)
	return l.Addr().String(), nil
}
