package m2mtest

import (
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
)

// T is what [Attack] needs of a *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Target is what [Attack] attacks: an HTTP handler, a gRPC server, or both.
type Target struct {
	// Authority is whose tokens the servers trust.
	Authority *Authority

	// Token is what their good tokens hold, the scopes aside: the zero
	// TokenSpec for most. Raw parts and signatures of it are not used.
	Token TokenSpec

	// Handler is the HTTP server with everything that stands before it, and
	// HTTP its operations, the public ones too: they are ways around a guard.
	Handler http.Handler
	HTTP    []Operation

	// Conn is a connection to the gRPC server, without credentials of its own,
	// and GRPC the server's methods.
	Conn grpc.ClientConnInterface
	GRPC []Operation

	// Skip leaves out attacks, by the names that the table shows, that the
	// servers let in by design; nil for none.
	Skip func(attack string) bool
}

// Operation is one call that can be made, and what it should require.
type Operation struct {
	Call string             // "GET /orders/1", "/orders" by GET; "/orders.v1.Orders/List"
	Need scopes.Requirement // the zero Requirement where nobody may
}

// Operations makes a list for [Target] of what httpmw.Mux.Routes,
// gorilla.Guard.Routes or grpcmw.Interceptor.Methods tell. A pattern becomes a
// call by "1" for each of its wildcards, and without a host; where that is not
// a call the server understands, change it.
func Operations(listed iter.Seq2[string, scopes.Requirement]) []Operation {
	wildcard := regexp.MustCompile(`\{[^{}]*\}`)
	var list []Operation
	for name, need := range listed {
		method, target := splitCall(name)
		target = strings.ReplaceAll(target, "{$}", "")
		target = wildcard.ReplaceAllLiteralString(target, "1")
		if slash := strings.Index(target, "/"); slash > 0 {
			target = target[slash:]
		}
		if strings.Contains(name, " ") {
			target = method + " " + target
		}
		list = append(list, Operation{target, need})
	}
	return list
}

// splitCall is the method and the target of an HTTP call: GET if it names no
// method, the first if it names several, as gorilla does.
func splitCall(call string) (method, target string) {
	method, target, ok := strings.Cut(call, " ")
	if !ok {
		return http.MethodGet, call
	}
	method, _, _ = strings.Cut(method, ",")
	return method, strings.TrimLeft(target, " \t")
}

// Attack calls every operation of target that is not public with hostile
// credentials and requests: broken and ambiguous Authorization values, tokens
// of bent structure, header, signature, claims and scopes, and other ways to
// the same route. It reports through t what was let in, and logs a table of
// all attacks at the end: expected, and got.
//
//	m2mtest.Attack(t, m2mtest.Target{
//		Authority: authority,
//		Handler:   mux, HTTP: m2mtest.Operations(mux.Routes()),
//		Conn:      conn, GRPC: m2mtest.Operations(guard.Methods(server.GetServiceInfo())),
//	})
//
// Before and after, each operation is called with a good token, which must be
// let in: where it isn't, refusals would prove nothing, and that is reported,
// too. These calls do what they do, with an empty body or message; run it
// against servers that are made for the test.
//
// An HTTP call is let in unless the answer is 401 or 403, has a challenge, or
// is a redirect or an error that a good token does not meet. A gRPC call is let
// in unless its status is Unauthenticated or PermissionDenied, or an error
// that a good token does not meet. A panic is reported, too. What a handler
// does once it was reached is not judged.
func Attack(t T, target Target) {
	t.Helper()
	if target.Authority == nil {
		t.Errorf("m2mtest: Attack: the Target has no Authority: without good tokens, a refusal proves nothing")
		return
	}
	r := newReport(target.Skip)
	forges := newForges(target)
	attacked := 0
	if target.Handler != nil {
		door := &httpDoor{handler: target.Handler}
		attacked += attackDoor(door, target.HTTP, forges, r)
		door.attackRoutes(target.HTTP, r)
	}
	if target.Conn != nil {
		door := &grpcDoor{conn: target.Conn}
		attacked += attackDoor(door, target.GRPC, forges, r)
		door.attackNames(target.GRPC, r)
	}
	if attacked == 0 {
		t.Errorf("m2mtest: Attack: nothing was attacked: give the Target a Handler with HTTP operations, " +
			"or a Conn with GRPC methods, that are not all public")
	}
	for _, problem := range r.problems() {
		t.Errorf("m2mtest: Attack: %s", problem)
	}
	t.Logf("m2mtest: Attack: %d operations\n%s", attacked, r.table())
}

// door is a transport.
type door interface {
	// call presents credentials to an operation.
	call(operation string, p presented) outcome
	// carries reports whether the transport can carry the attack at all.
	carries(p presented) bool
}

// attackDoor attacks each operation that is not public, and counts those whose
// good token was let in.
func attackDoor(d door, operations []Operation, forges *forges, r *report) (attacked int) {
	for _, o := range operations {
		if o.Need.IsPublic() {
			continue
		}
		f := forges.of(o.Need)
		if o.Need.IsZero() { // nobody may, and there is no control
			r.add("anyone, where there is no requirement", o.Call, d.call(o.Call, presented{}), outcome{})
			r.add("anyone, where there is no requirement", o.Call, d.call(o.Call, f.good()), outcome{})
			continue
		}
		control := d.call(o.Call, f.good())
		r.control(controlBefore, o.Call, control)
		welcome := control.welcome()
		if welcome {
			attacked++
		} else {
			control = outcome{} // a plain success is let in, nevertheless
		}
		for _, a := range f.attacks {
			if d.carries(a.presented) && !r.skips(a.name) {
				r.add(a.name, o.Call, d.call(o.Call, a.presented), control)
			}
		}
		if welcome {
			r.control(controlAfter, o.Call, d.call(o.Call, f.good()))
		}
	}
	return attacked
}

// forges are the attacks by what is required: operations that require the same
// are attacked by the same tokens.
type forges struct {
	target  Target
	foreign *Key
	needs   []scopes.Requirement
	made    map[string]*forge
}

func newForges(target Target) *forges {
	key := target.Token.Key
	if key == nil {
		key = target.Authority.keys.current()
	}
	f := &forges{target: target, foreign: NewKey(key.Algorithm), made: make(map[string]*forge)}
	for _, o := range slices.Concat(target.HTTP, target.GRPC) {
		if !slices.ContainsFunc(f.needs, o.Need.Equal) {
			f.needs = append(f.needs, o.Need)
		}
	}
	return f
}

func (f *forges) of(need scopes.Requirement) *forge {
	made, ok := f.made[need.String()]
	if !ok {
		made = newForge(f.target, f.foreign, need, f.needs)
		f.made[need.String()] = made
	}
	return made
}

// presented is what a call carries.
type presented struct {
	authorization []string          // values of the Authorization header or metadata key
	elsewhere     map[string]string // further headers or metadata
	query, form   string            // of an HTTP request
}

// attack is a call that must be refused.
type attack struct {
	name string
	presented
}

// String keeps tokens out of logs.
func (a attack) String() string { return fmt.Sprintf("attack %q", a.name) }
