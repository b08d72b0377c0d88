package main

import (
	"io"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestAttack: the APIs of the story refuse every hostile credential and request.
// Show the table of all attacks by
//
//	go test ./examples/quickstart -run TestAttack -v
func TestAttack(t *testing.T) {
	w, err := newWorld(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	attack.Run(t, attack.Target{
		Authority: w.authority,
		Handler:   w.http.Handler,
		HTTP: []attack.Operation{
			{Call: "GET /healthz", Need: scopes.Public()},
			{Call: "GET /orders", Need: scopes.All("read:orders")},
			{Call: "POST /orders", Need: scopes.All("write:orders")},
		},
		Conn: w.conn,
		GRPC: []attack.Operation{
			{Call: "/orders.v1.Orders/List", Need: scopes.All("read:orders")},
			{Call: "/orders.v1.Orders/Create", Need: scopes.All("write:orders")},
			{Call: "/orders.v1.Orders/Watch", Need: scopes.All("read:orders")},
		},
	})
}
