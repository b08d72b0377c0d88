package scopes_test

import (
	"fmt"

	"github.com/m2mauth/m2mauth/scopes"
)

func ExampleRequirement() {
	need := scopes.All("reports:read").And(scopes.Any("eu", "us"))
	granted, _ := scopes.Parse("reports:read reports:write eu")
	fmt.Println(need)
	fmt.Println(need.MetBy(granted))
	fmt.Println(need.MetBy(scopes.Of("reports:read")))
	// Output:
	// all("reports:read", any("eu", "us"))
	// true
	// false
}

func ExampleSet_Wildcards() {
	granted := scopes.Of("read:*")
	fmt.Println(granted.Grants("read:users"), granted.Wildcards().Grants("read:users"))
	// Output: false true
}

func ExampleAllOf() {
	fromConfig := []string{} // forgotten in the configuration file
	_, err := scopes.AllOf(fromConfig)
	fmt.Println(err)
	// Output: empty list of scopes: name at least one, or say Authenticated() or Public() if no scope is required
}
