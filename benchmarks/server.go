package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

const (
	healthMethod = "/grpc.health.v1.Health/Check"

	// connections are open at the same time, each for one request at a time.
	connections = 16
)

// contextOnly names the middleware that only puts a value into the context. No guard
// that tells the handler who is calling can do less: it is the floor that net/http and
// grpc-go set.
const contextOnly = "a context alone"

// withContext is that middleware as a peer. It checks nothing.
func withContext() peer {
	return peer{
		name: contextOnly,
		http: func(trust) (httpGuard, error) {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), subjectKey{}, clientID)))
				})
			}, nil
		},
		grpc: func(trust) (grpc.UnaryServerInterceptor, error) {
			return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return handler(context.WithValue(ctx, subjectKey{}, clientID), req)
			}, nil
		},
	}
}

// measureServers measures how many requests a second real servers answer, with and
// without the guard.
func measureServers(s *suite, out *section) {
	longer := plan{rounds: s.pick(31, 1), slice: 4 * s.plan.slice}
	out.text(`Servers of net/http and grpc-go on loopback, asked over %d connections (HTTP) or by as many callers (gRPC) that send
the next request when the last is answered. Client and servers share the %d cores, and every request carries the token,
whether a guard reads it or not. HTTP requests come from net/http's client, and from a minimal client, so that nearly
all of the time is the server's. The handlers do nothing that a real one would: with work in them the ratio comes nearer
to 1. "A context alone" is a middleware that only puts a value into the request's context. Requests per second are by the wall clock, which tells of other programs too; processor time is that of the client, the
server, and of Go's scheduler while it looks for something to do. Each ratio is the median of %d rounds.`,
		connections, cores(), longer.rounds)
	t := s.trusts["RS256"]
	token := t.good()

	var web, lean, rpc []probe
	for _, p := range []peer{{name: "unguarded"}, withContext(), m2mauthCached(), m2mauth()} {
		handler, intercept := http.Handler(noop), []grpc.ServerOption(nil)
		if p.http != nil {
			handler = must(p.guardHTTP(t))(noop)
			intercept = append(intercept, grpc.ChainUnaryInterceptor(must(p.guardGRPC(t))))
		}
		address, stop := serveHTTP(handler)
		defer stop()
		web = append(web, probe{p.name, connections, getByClient(address, token)})
		lean = append(lean, probe{p.name, connections, getRequests(address, token)})
		connection, stop := serveGRPC(intercept)
		defer stop()
		rpc = append(rpc, probe{p.name, connections, checkHealth(connection, token)})
	}
	rows := [][]string{{"", "requests/s", "× unguarded", "× a context alone", "processor time, × unguarded", "allocs, client included"}}
	for _, side := range []struct {
		name   string
		probes []probe
	}{{"net/http", web}, {"net/http, lean client", lean}, {"grpc-go", rpc}} {
		measured := longer.measure(side.probes...)
		unguarded, floor, again := measured[0], measured[1], measured[2]
		for i, f := range measured {
			rows = append(rows, []string{side.name + ", " + side.probes[i].name,
				nanos(f.perSecond()), precise(f.perSecondOver(unguarded)), precise(f.perSecondOver(floor)), precise(f.over(unguarded)),
				allocations(f.allocations())})
		}
		kept := again.perSecondOver(floor)
		s.aim(kept >= 0.985, "throughput of a real server, "+side.name, "≥ 0.985 of the same with a context alone",
			fmt.Sprintf("%s (of the unguarded: %s)", precise(kept), precise(again.perSecondOver(unguarded))),
			fmt.Sprintf("a request with a context alone takes %s ns of processor time, client included, of which 1.5 %% are %s ns. "+
				"The guard's own time is measured above.", nanos(floor.time()), nanos(0.015*floor.time())))
	}
	out.table(rows...)
}

func serveHTTP(h http.Handler) (address string, stop func()) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go server.Serve(listener)
	return listener.Addr().String(), func() { server.Close() }
}

// getByClient returns a worker's operation: one request by net/http's client.
func getByClient(address, token string) func() func() {
	return func() func() {
		client := &http.Client{Transport: new(http.Transport)}
		r := must(http.NewRequest(http.MethodGet, "http://"+address+"/reports", nil))
		r.Header.Set("Authorization", "Bearer "+token)
		return func() {
			response := must(client.Do(r))
			must(io.Copy(io.Discard, response.Body))
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				panic("unexpected answer: " + response.Status)
			}
		}
	}
}

// getRequests returns the same over a bare connection.
func getRequests(address, token string) func() func() {
	request := fmt.Appendf(nil, "GET /reports HTTP/1.1\r\nHost: reports.example.com\r\nAuthorization: Bearer %s\r\n\r\n", token)
	return func() func() {
		connection := must(net.Dial("tcp", address))
		response := bufio.NewReader(connection)
		return func() {
			must(connection.Write(request))
			if line := must(response.ReadSlice('\n')); !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
				panic("unexpected answer: " + string(line))
			}
			for len(must(response.ReadSlice('\n'))) > len("\r\n") {
			}
		}
	}
}

func serveGRPC(options []grpc.ServerOption) (connection *grpc.ClientConn, stop func()) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	server := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)
	connection = must(grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())))
	return connection, func() {
		connection.Close()
		server.Stop()
	}
}

// checkHealth returns a worker's operation: one call.
func checkHealth(connection *grpc.ClientConn, token string) func() func() {
	return func() func() {
		client := healthpb.NewHealthClient(connection)
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
		request := new(healthpb.HealthCheckRequest)
		return func() { must(client.Check(ctx, request)) }
	}
}
