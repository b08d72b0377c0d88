package attack_test

import (
	"fmt"
	"net/http"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// exampleT prints what a *testing.T would report.
type exampleT struct{ failed bool }

func (*exampleT) Helper() {}
func (t *exampleT) Errorf(format string, args ...any) {
	t.failed = true
	fmt.Printf(format+"\n", args...)
}
func (*exampleT) Logf(string, ...any) {} // the table of all attacks

// Attack a server. This one has a weakness: a middleware in front of the guard
// also accepts tokens in the query, where they end up in logs.
func ExampleRun() {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	guard, err := httpmw.New(v, nil)
	if err != nil {
		panic(err)
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	mux.Handle("GET /reports", scopes.All("read:reports"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "the reports")
	}))
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("access_token"); token != "" && r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		mux.ServeHTTP(w, r)
	})

	t := &exampleT{} // in a test: its *testing.T
	attack.Run(t, attack.Target{
		Authority: authority,
		Handler:   server,
		HTTP:      attack.Operations(mux.Operations()),
	})
	fmt.Println("failed:", t.failed)
	// Output:
	// attack: ACCEPTED: elsewhere: in the query: GET /reports: 200
	// failed: true
}
