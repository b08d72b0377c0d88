// Package shopv1 is the generated code of the API that the gateway serves. After a
// change of shop.proto: (cd internal/protogen && go run .)
package shopv1
