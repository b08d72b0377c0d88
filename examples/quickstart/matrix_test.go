package main

import (
	"context"
	"flag"
	"iter"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

var update = flag.Bool("update", false, "write testdata/matrix.golden instead of comparing with it")

const goldenMatrix = "testdata/matrix.golden"

// TestMatrix compares the Requirement of every route and method with a file, so that a
// change of policy shows in review. After an intended change:
//
//	go test ./examples/quickstart -run TestMatrix -update
func TestMatrix(t *testing.T) {
	var asked requirements
	_, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){asked.observe}})
	handler, err := newHTTP(v, newOrders())
	if err != nil {
		t.Fatal(err)
	}
	server, _, err := newGRPC(v, newOrders())
	if err != nil {
		t.Fatal(err)
	}
	got := m2mtest.Matrix(
		m2mtest.Section{Title: "HTTP", Operations: handler.Operations()},
		m2mtest.Section{Title: "gRPC", Operations: asked.callAll(t, server)},
	)
	if *update {
		if err := os.WriteFile(goldenMatrix, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenMatrix)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the policy is not that of %s; if that is meant, run this test with -update\ngot:\n%s\nwant:\n%s",
			goldenMatrix, got, want)
	}
}

// requirements maps each operation that was called to its Requirement.
type requirements struct {
	mu     sync.Mutex
	needed map[string]scopes.Requirement
}

func (q *requirements) observe(_ context.Context, d verifier.Decision) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.needed == nil {
		q.needed = make(map[string]scopes.Requirement)
	}
	q.needed[d.Operation] = d.Need
}

// callAll calls each method of the server, without a token, and lists what it
// demanded. A program that keeps its Interceptor lists them with
// Interceptor.Operations instead; here only the server is at hand.
func (q *requirements) callAll(t *testing.T, server *grpc.Server) iter.Seq2[string, scopes.Requirement] {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	defer server.Stop()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var methods []string
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			method := "/" + service + "/" + m.Name
			methods = append(methods, method)
			stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.SendMsg(&emptypb.Empty{}) // the answer tells
			_ = stream.CloseSend()
			_ = stream.RecvMsg(&emptypb.Empty{})
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, method := range methods {
		if _, ok := q.needed[method]; !ok {
			t.Errorf("%s was called, and nothing was demanded", method)
		}
	}
	needed := maps.Clone(q.needed)
	return func(yield func(string, scopes.Requirement) bool) {
		for _, method := range slices.Sorted(slices.Values(methods)) {
			if !yield(method, needed[method]) {
				return
			}
		}
	}
}
