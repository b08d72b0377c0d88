// Command client is the client in README.md, so that it is compiled.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func main() {
	tokens := must(tokensource.New(tokensource.Config{
		Issuer:      "https://auth.example.com",
		Credentials: tokensource.SecretFile("/var/run/secrets/worker"), // or a key, a certificate, the workload's identity
		Audience:    []string{"https://api.example.com"},
	}))
	defer tokens.Close()
	client := http.Client{Transport: must(tokens.RoundTripper(nil, "https://api.example.com"))}
	show(client.Get("https://api.example.com/reports"))
	conn := must(grpc.NewClient("api.example.com:443", append(must(grpctoken.DialOptions(tokens, nil)),
		grpc.WithTransportCredentials(credentials.NewTLS(nil)))...))
	defer conn.Close()
}

func must[T any](made T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return made
}

func show(res *http.Response, err error) {
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	io.Copy(os.Stdout, res.Body)
}
