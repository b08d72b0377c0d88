package main

import (
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestAttack: the APIs of the story let no hostile credential or request in.
// The table of all attacks is shown by
//
//	go test ./examples/quickstart -run TestAttack -v
func TestAttack(t *testing.T) {
	w, err := newWorld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	m2mtest.Attack(t, m2mtest.Target{
		Authority: w.authority,
		Handler:   w.http.Handler,
		HTTP: []m2mtest.Operation{
			{Call: "GET /healthz", Need: scopes.Public()},
			{Call: "GET /orders", Need: scopes.All("read:orders")},
			{Call: "POST /orders", Need: scopes.All("write:orders")},
		},
		Conn: w.conn,
		GRPC: []m2mtest.Operation{
			{Call: "/orders.v1.Orders/List", Need: scopes.All("read:orders")},
			{Call: "/orders.v1.Orders/Create", Need: scopes.All("write:orders")},
			{Call: "/orders.v1.Orders/Watch", Need: scopes.All("read:orders")},
		},
	})
}
