package main

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/metadata"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/verifier"
)

// thief has what was in the headers of the owner's calls, and a key of its own.
type thief struct {
	service *service
	key     *dpop.Key
	http    *http.Client
	conn    *grpc.ClientConn
}

func newThief(s *service) (*thief, error) {
	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(s.grpcAddr, grpc.WithTransportCredentials(local.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &thief{s, signer.Key(), &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, conn}, nil
}

func (t *thief) attempts() []attempt {
	overHTTP, overGRPC := t.service.leaked("HTTP"), t.service.leaked("gRPC")
	token := strings.TrimPrefix(overHTTP.authorization, "DPoP ")
	bearer := headers{authorization: "Bearer " + token}
	return []attempt{
		{"thief", "the token as a bearer token", t.call("GET", bearer), verifier.Bound},
		{"thief", "the token without a proof", t.call("GET", headers{authorization: overHTTP.authorization}), verifier.ProofMissing},
		{"thief", "token and proof, once more", t.call("GET", overHTTP), verifier.ProofReplayed},
		{"thief", "token and proof, for another method", t.call("DELETE", overHTTP), verifier.ProofMismatch},
		{"thief", "the token with a proof by another key", t.forged(overHTTP.authorization, token), verifier.ProofMismatch},
		{"thief", "gRPC: the token as a bearer token", t.list(bearer), verifier.Bound},
		{"thief", "gRPC: token and proof, once more", t.list(overGRPC), verifier.ProofReplayed},
		{"thief", "gRPC: token and proof of the call over HTTP", t.list(overHTTP), verifier.ProofMismatch},
	}
}

// call returns a request over HTTP with the headers h.
func (t *thief) call(method string, h headers) func(context.Context) error {
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, method, t.service.httpURL+"/orders", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", h.authorization)
		if h.proof != "" {
			r.Header.Set("DPoP", h.proof)
		}
		return send(t.http, r)
	}
}

// forged returns a request whose proof is good, but for the key.
func (t *thief) forged(authorization, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.service.httpURL+"/orders", nil)
		if err != nil {
			return err
		}
		proof, err := t.key.Proof(dpop.Request{Method: r.Method, URL: r.URL, Token: token})
		if err != nil {
			return err
		}
		return t.call(r.Method, headers{authorization, proof})(ctx)
	}
}

// list returns a call over gRPC with the headers h.
func (t *thief) list(h headers) func(context.Context) error {
	return func(ctx context.Context) error {
		md := metadata.Pairs("authorization", h.authorization)
		if h.proof != "" {
			md.Set("dpop", h.proof)
		}
		_, err := ordersv1.NewOrdersClient(t.conn).List(metadata.NewOutgoingContext(ctx, md), &ordersv1.ListRequest{})
		return err
	}
}

func (t *thief) close() {
	t.http.CloseIdleConnections()
	t.conn.Close()
}
