// Command readme is the program in README.md, so that it is compiled.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
)

func main() {
	v := must(verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name:      "https://auth.example.com",
		Audiences: []string{"https://api.example.com"},
		JWKSURL:   "https://auth.example.com/.well-known/jwks.json",
	}}}))
	web := must(httpmw.New(v, nil))
	mux := must(httpmw.NewMux(web))
	mux.HandleFunc("GET /reports", scopes.All("reports:read"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(w, "hello,", client.ID)
	})
	rpc := must(grpcmw.New(v, grpcmw.Policy{"/reports.v1.Reports/List": scopes.All("reports:read")}, nil))
	serve(mux, grpc.NewServer(rpc.ServerOptions()...))
}

func must[T any](made T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return made
}

func serve(mux *httpmw.Mux, s *grpc.Server) {
	if err := mux.CheckCoverage(); err != nil { // is anything guarded open another way?
		log.Fatal(err)
	}
	l := must(net.Listen("tcp", "127.0.0.1:9090"))
	go s.Serve(l)
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", mux))
}
