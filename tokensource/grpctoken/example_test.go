package grpctoken_test

import (
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

// A channel to one service, over TLS. The Source may serve HTTP clients as well.
func ExampleDialOptions() {
	source, err := tokensource.New(tokensource.Config{
		Issuer:      "https://login.example.com",
		Credentials: tokensource.SecretFile("/var/run/secrets/worker"),
		Audience:    []string{"https://orders.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	options, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		log.Fatal(err)
	}
	options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(nil)))
	conn, err := grpc.NewClient("orders.example.com:443", options...)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
}
