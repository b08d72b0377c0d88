package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

// owner is the client that the authority issues the token to.
type owner struct {
	source *tokensource.Source
	http   *http.Client
	conn   *grpc.ClientConn
	url    string
}

// newOwner makes the client's half. A Signer and two adapters are all that DPoP needs:
// no caller sees a token or a proof.
func newOwner(s *service) (*owner, error) {
	signer, err := dpop.NewSigner(nil, "") // a new key, which never leaves the process
	if err != nil {
		return nil, err
	}
	id, secret := s.authority.CreateClient("owner", "read:orders")
	o := &owner{url: s.httpURL}
	o.source, err = tokensource.New(tokensource.Config{
		TokenURL:    s.authority.TokenURL(),
		Credentials: tokensource.Secret(id, secret),
		DPoP:        signer,
	})
	if err != nil {
		return nil, err
	}
	transport, err := o.source.RoundTripper(http.DefaultTransport.(*http.Transport).Clone(), s.httpURL)
	if err != nil {
		o.close()
		return nil, err
	}
	o.http = &http.Client{Transport: transport}
	options, err := grpctoken.DialOptions(o.source, nil)
	if err != nil {
		o.close()
		return nil, err
	}
	o.conn, err = grpc.NewClient(s.grpcAddr, append(options, grpc.WithTransportCredentials(local.NewCredentials()))...)
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *owner) attempts() []attempt {
	api := ordersv1.NewOrdersClient(o.conn)
	list := func(ctx context.Context) error {
		_, err := api.List(ctx, &ordersv1.ListRequest{})
		return err
	}
	return []attempt{
		{"owner", "GET /orders", o.get, ""},
		{"owner", "GET /orders, again", o.get, ""},
		{"owner", "gRPC Watch, a stream", func(ctx context.Context) error {
			stream, err := api.Watch(ctx, &ordersv1.WatchRequest{})
			if err != nil {
				return err
			}
			for {
				if _, err := stream.Recv(); err != nil {
					if errors.Is(err, io.EOF) {
						return nil
					}
					return err
				}
			}
		}, ""},
		{"owner", "gRPC List", list, ""},
	}
}

func (o *owner) get(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/orders", nil)
	if err != nil {
		return err
	}
	return send(o.http, r)
}

// send returns an error unless the status is 200.
func send(client *http.Client, r *http.Request) error {
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", r.Method, r.URL.Path, res.Status)
	}
	return nil
}

func (o *owner) close() {
	if o.conn != nil {
		o.conn.Close()
	}
	if o.http != nil {
		o.http.CloseIdleConnections()
	}
	o.source.Close()
}
