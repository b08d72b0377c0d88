// Package ordersv1 is the generated code of the gRPC API that the examples
// guard.
package ordersv1

//go:generate ./generate
