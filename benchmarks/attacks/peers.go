package main

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// peer guards the service. serve completes a Target, and returns the function that
// stops the service.
type peer struct {
	name  string
	how   string // it was configured
	serve func(t trust, target *attack.Target) (stop func())
}

const ours = "m2mauth"

func peers() []peer {
	return []peer{
		{ours + ", HTTP", "httpmw.NewMux with a requirement for each route; the issuer's preset.", m2mauthHTTP},
		{"go-jwt-middleware, HTTP", "CheckJWT with WithIssuer, WithAudience and WithAlgorithm, as in the README. WithCustomClaims compares " +
			"the scope; WithRegisteredClaimsValidator requires expiry and subject, as in its documentation.", auth0HTTP},
		{"go-oidc, HTTP", "An IDTokenVerifier with ClientID and SupportedSigningAlgs. The header and the scope are read by hand: it has no " +
			"middleware and no access tokens, but is used for them.", goOIDC},
		{ours + ", gRPC", "grpcmw with a Policy of the methods; the issuer's preset.", m2mauthGRPC},
		{"go-jwt-middleware, gRPC", "Its interceptor as in the documentation, with the validator as above; another interceptor compares the scope.", auth0GRPC},
		{"grpc-middleware + jwx", "go-grpc-middleware's auth interceptor with AuthFromMD, as in its example. jwt.ParseString with the key set, " +
			"WithIssuer, WithAudience, and WithRequiredClaim for expiry and subject; the scope is compared by hand.", grpcMiddleware},
		{"connect authn + jwx", "authn.NewMiddleware with BearerToken and InferProcedure, as in its example, around connect's handlers, called by gRPC; " +
			"jwx as above.", connectAuthn},
	}
}

func nothing() {}

func m2mauthVerifier(t trust) *verifier.Verifier {
	v := must(verifier.New(verifier.Config{Issuers: []verifier.Issuer{t.authority.Issuer()}}))
	must(0, v.Ready(context.Background()))
	return v
}

func m2mauthHTTP(t trust, target *attack.Target) func() {
	v := m2mauthVerifier(t)
	mux := must(httpmw.NewMux(must(httpmw.New(v, nil))))
	mux.Handle("GET /reports", scopes.All(mayRead), answers("the reports"))
	mux.Handle("POST /reports", scopes.All(mayWrite), answers("created"))
	mux.Handle("GET /health", scopes.Public(), answers("healthy"))
	target.Handler, target.HTTP = mux, overHTTP
	return func() { v.Close() }
}

func m2mauthGRPC(t trust, target *attack.Target) func() {
	v := m2mauthVerifier(t)
	guard := must(grpcmw.New(v, grpcmw.Policy{listMethod: scopes.All(mayRead), createMethod: scopes.All(mayWrite)}, nil))
	conn, stop := serveGRPC(guard.ServerOptions()...)
	target.Conn, target.GRPC = conn, overGRPC
	return func() {
		stop()
		v.Close()
	}
}

// client answers every request with the key set, for peers that fetch it.
func (t trust) client() *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=3600"}},
			Body:       io.NopCloser(bytes.NewReader(t.keySet)),
			Request:    r,
		}
	})}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }
