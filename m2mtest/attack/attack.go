// Package attack tests servers with hostile calls: broken and ambiguous
// credentials, forged tokens, and other ways to guarded routes. [Run] makes
// them all, and reports those that a server accepts.
package attack

import (
	"net/http"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"google.golang.org/grpc"
)

// T is the part of a *testing.T that [Run] needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Target names what [Run] attacks: an HTTP handler, a gRPC server, or both.
type Target struct {
	// Authority issues the tokens that the servers accept. Required.
	Authority *m2mtest.Authority

	// Token describes accepted tokens, scopes excepted: the zero TokenSpec for
	// most. Its raw parts and signatures are ignored.
	Token m2mtest.TokenSpec

	// CredentialHeader is that of the servers' httpmw.Options or grpcmw.Options: "" if
	// they read Authorization. Run then presents tokens in it, without a scheme, and
	// adds an accepted token in Authorization to the attacks.
	CredentialHeader string

	// Handler is the HTTP server with all of its middleware. HTTP lists its
	// operations, public ones included: they can lead around a guard.
	Handler http.Handler
	HTTP    []Operation

	// Conn is a connection to the gRPC server without credentials of its own.
	// GRPC lists the server's methods.
	Conn grpc.ClientConnInterface
	GRPC []Operation

	// HTTPOrigin and GRPCOrigin are the Origin of the servers' httpmw.Options and
	// grpcmw.Options: "" for a server that takes no DPoP proofs. Run then makes every
	// call of that server with a bound token and a proof, and adds hostile proofs to the
	// attacks (RFC 9449). A server that takes unbound tokens as well is tested by a
	// second Run, without its Origin.
	HTTPOrigin, GRPCOrigin string

	// Skip, if set, reports whether to leave out an attack that the servers
	// accept by design. It gets the name that the table shows.
	Skip func(attack string) bool
}

// Run calls every operation of target that is not public with hostile
// credentials and requests: broken and ambiguous Authorization values, tokens
// with malformed structure, header, signature, claims or scopes, and other
// ways to the same route. It reports through t each one that is accepted, and
// logs a table of all attacks at the end.
//
//	attack.Run(t, attack.Target{
//		Authority: authority,
//		Handler:   mux, HTTP: attack.Operations(mux.Operations()),
//		Conn:      conn, GRPC: attack.Operations(guard.Operations(server.GetServiceInfo())),
//	})
//
// Some attacks are Stytch's. If the Authority stands in for another, Run leaves out
// those that its issuer accepts by design.
//
// Before and after, Run calls each operation with a good token. If that is
// refused, the other refusals prove nothing, and Run reports it. Every call
// has an empty body or message, and reaches the handler if it is accepted:
// attack servers that were made for the test.
//
// An HTTP call is accepted unless the response is 401 or 403, has a challenge,
// or is a redirect or an error that a good token does not get. A gRPC call is
// accepted unless its status is Unauthenticated, PermissionDenied, or an error
// that a good token does not get. Run reports a panic, too.
func Run(t T, target Target) {
	t.Helper()
	if target.Authority == nil {
		t.Errorf("attack: the Target has no Authority: without accepted tokens, a refusal proves nothing")
		return
	}
	r := newReport(target.Skip)
	attacked := 0
	made := make(map[string]*makers) // by origin: servers without one get the same tokens
	defer func() {
		for _, m := range made {
			m.close()
		}
	}()
	attack := func(operations []Operation, origin string, d func(*prover) door) {
		makers, ok := made[origin]
		if !ok {
			var err error
			if makers, err = newMakers(target, newProver(origin)); err != nil {
				t.Errorf("attack: the Authority's own tokens can't be verified: %v", err)
				return
			}
			made[origin] = makers
		}
		to := d(makers.proofs)
		attacked += attackDoor(to, operations, makers, r)
		to.more(operations, makers, r)
	}
	if target.Handler != nil {
		attack(target.HTTP, target.HTTPOrigin, func(p *prover) door {
			return &httpDoor{handler: target.Handler, place: place(target.CredentialHeader), proofs: p}
		})
	}
	if target.Conn != nil {
		attack(target.GRPC, target.GRPCOrigin, func(p *prover) door {
			return &grpcDoor{conn: target.Conn, place: place(target.CredentialHeader), proofs: p}
		})
	}
	if attacked == 0 {
		t.Errorf("attack: nothing was attacked: give the Target a Handler with HTTP operations, " +
			"or a Conn with GRPC methods, that are not all public")
	}
	for _, problem := range r.problems() {
		t.Errorf("attack: %s", problem)
	}
	t.Logf("attack: %d operations\n%s", attacked, r.table())
}

// door makes calls over one transport.
type door interface {
	// call presents a credential to an operation.
	call(operation string, c hostile.Credential) outcome
	// carries reports whether the transport can carry the credential at all.
	carries(c hostile.Credential) bool
	// more makes the attacks that only this transport has.
	more(operations []Operation, makers *makers, r *report)
}

// attackDoor attacks each operation that is not public. It returns how many of
// them accepted a good token.
func attackDoor(d door, operations []Operation, makers *makers, r *report) (attacked int) {
	for _, o := range operations {
		if o.Need.IsPublic() {
			continue
		}
		m := makers.of(o.Need)
		if o.Need.IsZero() { // every call must be refused, so there is no control
			r.add("anyone, where there is no requirement", o.Call, d.call(o.Call, hostile.Credential{}), outcome{})
			r.add("anyone, where there is no requirement", o.Call, d.call(o.Call, m.Accepted()), outcome{})
			continue
		}
		control := d.call(o.Call, m.Accepted())
		r.control(controlBefore, o.Call, control)
		welcome := control.welcome()
		if welcome {
			attacked++
		} else {
			control = outcome{} // a plain success still counts as accepted
		}
		for _, c := range m.corpus {
			if d.carries(c) && !r.skips(c.Name) {
				r.add(c.Name, o.Call, d.call(o.Call, c), control)
			}
		}
		if used, ok := makers.proofs.once(m.Accepted()); ok && welcome && !r.skips(used.Name) {
			r.control(controlBefore, o.Call, d.call(o.Call, used))
			r.add(used.Name, o.Call, d.call(o.Call, used), control)
		}
		if welcome {
			r.control(controlAfter, o.Call, d.call(o.Call, m.Accepted()))
		}
	}
	return attacked
}
