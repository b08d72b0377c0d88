package attack_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	httpOrigin = "https://api.example.com/v1"
	grpcOrigin = "https://grpc.example.com"
)

// boundVerifier takes bound tokens alone.
func boundVerifier(t *testing.T, issuer verifier.Issuer) *verifier.Verifier {
	t.Helper()
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	issuer.RequireBound = true
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// TestAttackBound attacks servers that take bound tokens alone: nothing is accepted,
// for Stytch and for another authority.
func TestAttackBound(t *testing.T) {
	for name, options := range map[string]*m2mtest.Options{
		"Stytch":  {NoServer: true, Key: m2mtest.NewKey("ES256")},
		"another": {NoServer: true, Key: m2mtest.NewKey("ES256"), Issuer: &verifier.Issuer{Name: "https://auth.example.com", Audiences: []string{"api"}}},
	} {
		t.Run(name, func(t *testing.T) {
			authority := m2mtest.NewAuthority(options)
			t.Cleanup(authority.Close)
			v := boundVerifier(t, authority.Issuer())
			m, err := httpmw.New(v, &httpmw.Options{Origin: httpOrigin})
			if err != nil {
				t.Fatal(err)
			}
			mux, err := httpmw.NewMux(m)
			if err != nil {
				t.Fatal(err)
			}
			mux.HandleFunc("GET /a", scopes.All("a"), answers("a"))
			mux.HandleFunc("POST /b", scopes.Authenticated(), answers("b"))
			guard, err := grpcmw.New(v, grpcmw.Policy{"/t.S/Get": scopes.All("get"), "/t.S/GetSecret": scopes.All("secret"), "/t.S/Watch": scopes.Authenticated()},
				&grpcmw.Options{Origin: grpcOrigin})
			if err != nil {
				t.Fatal(err)
			}
			target := attack.Target{Authority: authority, Handler: mux, HTTP: attack.Operations(mux.Operations()), HTTPOrigin: httpOrigin}
			if options.Issuer == nil { // the tokens are the same over gRPC, and take as long
				target.Conn, target.GRPC, target.GRPCOrigin = serveGRPC(t, guard.ServerOptions()...), grpcOperations(), grpcOrigin
			}
			attack.Run(t, target)
		})
	}
}

// TestAttackProofs checks that Run reports servers that overlook one kind of fault in a
// proof, and no other attack.
func TestAttackProofs(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	t.Cleanup(authority.Close)
	for reason, want := range map[verifier.Reason][]string{
		verifier.ProofMissing:  {" proof: none: "},
		verifier.ProofReplayed: {" proof: used before: "},
		verifier.Bound:         {" proof: as a bearer token: ", " proof: as a bearer token, without a proof: ", " claims: cnf "},
		verifier.ProofMalformed: {" proof: two: ", " proof: without a signature: ", " proof: the token: ", " proof: signed by another key: ", " proof: typ JWT: ",
			" proof: alg none: ", " proof: alg HS256 and a symmetric key: ", " proof: a private key: ", " proof: for no token: ", " proof: without a jti: "},
		verifier.ProofMismatch: {" proof: by another key: ", " proof: for another method: ", " proof: for another host: ", " proof: for another path: ",
			" proof: for another token: ", " proof: ten minutes old: ", " proof: of ten minutes ahead: ",
			" claims: cnf of DPoP", " route: another spelling of the path, a token without the scopes: GET /x\\..\\a"},
	} {
		t.Run(string(reason), func(t *testing.T) {
			v := boundVerifier(t, authority.Issuer())
			weak := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := v.Authorize(r.Context(), verifier.Request{Authorization: r.Header["Authorization"], DPoP: r.Header["Dpop"],
					Method: r.Method, Origin: httpOrigin, Path: r.URL.EscapedPath()}, scopes.All("a"))
				if err != nil && !errors.Is(err, reason) {
					new(httpmw.Middleware).WriteError(w, r, err)
					return
				}
				answers("a")(w, r)
			})
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, Handler: weak, HTTPOrigin: httpOrigin,
				HTTP: []attack.Operation{{Call: "GET /a", Need: scopes.All("a")}}})
			got.found(t, want)
		})
	}
}
