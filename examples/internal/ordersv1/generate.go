// Package ordersv1 is the generated code of the gRPC API that the examples
// guard. After a change of orders.proto: (cd internal/protogen && go run .)
package ordersv1
