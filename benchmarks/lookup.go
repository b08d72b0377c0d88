package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"google.golang.org/grpc"
)

// measureLookup compares few methods or routes with many.
func measureLookup(s *suite, out *section) {
	const few = 10
	many := s.pick(10_000, 100)
	t := s.trusts["RS256"]
	token := t.good()
	v := must(ready(t.config(defaultCache)))
	defer v.Close()

	guards := must(httpmw.New(v, nil))
	intercept := func(methods int) grpc.UnaryServerInterceptor {
		policy := make(grpcmw.Policy)
		for i := range methods {
			policy[methodName(i)] = need
		}
		return must(grpcmw.New(v, policy, nil)).Unary()
	}
	mux := func(routes int) *httpmw.Mux {
		m := must(httpmw.NewMux(guards))
		for i := range routes {
			m.Handle("GET "+routeName(i), need, noop)
		}
		return m
	}
	plain := func(routes int) http.Handler {
		m := http.NewServeMux()
		for i := range routes {
			m.Handle("GET "+routeName(i), noop)
		}
		return m
	}
	names := []string{
		"gRPC, always the same method", "gRPC, all methods in turn",
		"HTTP, always the same route", "HTTP, all routes in turn",
		"http.ServeMux unguarded, the same route", "http.ServeMux unguarded, all routes in turn",
	}
	var probes []probe
	for _, n := range []int{few, many} {
		rpc, web, bare := intercept(n), mux(n), plain(n)
		probes = append(probes,
			probe{"", 1, calls(rpc, token, methodName(few/2))}, probe{"", 1, callsInTurn(rpc, token, n)},
			probe{"", 1, requestsInTurn(web, token, few/2, 1)}, probe{"", 1, requestsInTurn(web, token, 0, n)},
			probe{"", 1, requestsInTurn(bare, token, few/2, 1)}, probe{"", 1, requestsInTurn(bare, token, 0, n)})
	}
	measured := s.plan.measure(probes...)
	rows := [][]string{{"", fmt.Sprintf("ns, %d", few), fmt.Sprintf("ns, %s", count(many)), "ratio"}}
	for i, name := range names {
		a, b := measured[i], measured[len(names)+i]
		rows = append(rows, []string{name, nanos(a.time()), nanos(b.time()), ratio(b.over(a))})
	}
	out.text(`Whole calls in memory, of a token that is seen again in a cache that is nearly empty, with %d and with %s methods or routes. In turn, each call finds
another entry of the table, which with many of them is not in the processor's nearest cache. The HTTP guard looks nothing
up itself: the requirement is part of the route, which http.ServeMux finds.`, few, count(many))
	out.table(rows...)
	rpc, web := measured[len(names)].over(measured[0]), measured[len(names)+2].over(measured[2])
	s.aim(rpc <= 1.1 && web <= 1.1, fmt.Sprintf("look-up with %d and with %s methods or routes", few, count(many)),
		"the same, within noise (1.10)", fmt.Sprintf("× %s (gRPC), × %s (HTTP)", ratio(rpc), ratio(web)),
		"a larger table is further from the processor, or the machine was busy.")
}

func methodName(i int) string { return fmt.Sprintf("/reports.v1.Reports%d/List", i) }
func routeName(i int) string  { return fmt.Sprintf("/reports%d/list", i) }

// callsInTurn is like calls, for one method after the other.
func callsInTurn(intercept grpc.UnaryServerInterceptor, token string, methods int) func() func() {
	return func() func() {
		ctx := incoming(token)
		var infos []*grpc.UnaryServerInfo
		for i := range methods {
			infos = append(infos, &grpc.UnaryServerInfo{FullMethod: methodName(i)})
		}
		i := 0
		return func() {
			must(intercept(ctx, nil, infos[i], answerNothing))
			i = (i + 1) % len(infos)
		}
	}
}

// requestsInTurn is like requests, for the first n routes in turn.
func requestsInTurn(h http.Handler, token string, first, n int) func() func() {
	return func() func() {
		var all []*http.Request
		for i := range n {
			r := httptest.NewRequest(http.MethodGet, routeName(first+i), nil)
			r.Header.Set("Authorization", "Bearer "+token)
			all = append(all, r)
		}
		w := &sink{header: make(http.Header)}
		i := 0
		return func() {
			h.ServeHTTP(w, all[i])
			if w.status != 0 {
				panic("unexpected status " + http.StatusText(w.status))
			}
			i = (i + 1) % len(all)
		}
	}
}
