package protopolicy_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/grpcmw/protopolicy"
	"github.com/m2mauth/m2mauth/scopes"
)

// The program links the generated code of orders.v1:
//
//	service Orders {
//	  option (m2mauth.v1.require_default).all = "read:orders";
//
//	  rpc List(ListRequest) returns (ListResponse);
//	  rpc Create(CreateRequest) returns (CreateResponse) {
//	    option (m2mauth.v1.require).all = "write:orders";
//	  }
//	}
func ExampleFromDescriptors() {
	policy, err := protopolicy.FromDescriptors(grpcmw.Policy{
		"/grpc.health.v1.Health/*": scopes.Public(),
	}, "orders.v1.Orders")
	if err != nil {
		panic(err)
	}
	for _, name := range slices.Sorted(maps.Keys(policy)) {
		fmt.Println(name, policy[name])
	}
	_, err = protopolicy.FromDescriptors(nil, "orders.v1.Order")
	fmt.Println(err)
	// Output:
	// /grpc.health.v1.Health/* public
	// /orders.v1.Orders/* all("read:orders")
	// /orders.v1.Orders/Create all("write:orders")
	// protopolicy: "orders.v1.Order" is not known: is it misspelt, or is its generated code not imported?
}
