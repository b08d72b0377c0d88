package revocation_test

import (
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

func Example() {
	list, err := revocation.New(revocation.Config{}) // verifier.Config.Revocations
	if err != nil {
		panic(err)
	}
	defer list.Close()
	leaked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	err = list.Add(revocation.Cutoff{
		Issuer:     "https://auth.example.com",
		Select:     revocation.Client("reports-worker"),
		IssuedUpTo: leaked,
		Note:       "secret in a public log, INC-7",
	})
	if err != nil {
		panic(err)
	}
	for _, issued := range []time.Time{leaked.Add(-time.Minute), leaked.Add(time.Minute)} {
		cutoff, found := list.Find(revocation.Issued{Issuer: "https://auth.example.com", ClientID: "reports-worker", IssuedAt: issued})
		fmt.Println(found, cutoff.Note)
	}
	// Output:
	// true secret in a public log, INC-7
	// false
}
