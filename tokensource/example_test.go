package tokensource_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

// A machine gets its tokens from an authority, and calls one service.
func Example() {
	source, err := tokensource.New(tokensource.Config{
		Issuer:      "https://login.example.com",
		Credentials: tokensource.SecretFile("/var/run/secrets/worker"),
		Scopes:      []string{"read:orders"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	transport, err := source.RoundTripper(nil, "https://orders.example.com")
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	res, err := client.Get("https://orders.example.com/v1/orders")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
}

// A token that a service refuses is replaced, and the request repeated.
func ExampleSource_RoundTripper() {
	issued := 0
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issued++
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, issued)
	}))
	defer authority.Close()
	orders := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("orders:", r.Method, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "Bearer token-1" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "no orders yet")
	}))
	defer orders.Close()

	source, err := tokensource.New(tokensource.Config{
		TokenURL:    authority.URL,
		Credentials: tokensource.Secret("worker", "hush"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	transport, err := source.RoundTripper(nil, orders.URL)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	res, err := client.Get(orders.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.StatusCode, string(body))
	// Output:
	// orders: GET Bearer token-1
	// orders: GET Bearer token-2
	// 200 no orders yet
}

// A client that sends the token by itself reports a refusal.
func ExampleSource_Invalidate() {
	n := 0
	source, err := tokensource.New(tokensource.Config{Fetch: func(context.Context) (*oauth2.Token, error) {
		n++
		return &oauth2.Token{AccessToken: fmt.Sprint("token-", n), Expiry: time.Now().Add(time.Hour)}, nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	for range 2 {
		token, err := source.Token()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token.AccessToken)
		source.Invalidate(token.AccessToken) // the service answered 401
	}
	// Output:
	// token-1
	// token-2
}

// Observe reports what happens in the background.
func ExampleEvent() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" || a.Key == "expires_at" {
			return slog.Attr{}
		}
		return a
	}}))
	fetched := make(chan struct{})
	source, err := tokensource.New(tokensource.Config{
		Fetch: func(context.Context) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(time.Hour)}, nil
		},
		Observe: func(e tokensource.Event) {
			logger.Info("token", "event", e)
			close(fetched)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	if _, err := source.Token(); err != nil {
		log.Fatal(err)
	}
	<-fetched
	// Output:
	// level=INFO msg=token event.kind=fetched
}
