package m2mtest

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/verifier"
)

// Client returns the verified client of a token of spec, with claims and
// audience. Put it into a context with [verifier.ContextWithClient] to test a
// handler without its guard. It needs no network.
//
// Client accepts every Issuer and Audience, and every ClientID except those of
// people, "user-…". It panics if the token is refused for another reason.
func Client(spec TokenSpec) verifier.Client {
	a := NewAuthority(&Options{Key: NewKey("ES256"), NoServer: true})
	defer a.Close()
	return a.Client(spec)
}

// Client returns what the function Client does, for a token of this authority that
// its current key signs.
func (a *Authority) Client(spec TokenSpec) verifier.Client {
	client, err := a.verify(spec)
	if err != nil {
		panic(fmt.Sprintf("m2mtest: Client: the token is refused: %v", err))
	}
	return client
}

func (a *Authority) verify(spec TokenSpec) (verifier.Client, error) {
	var imported []string
	if spec.ClientID != "" {
		imported = []string{spec.ClientID}
	}
	issuer := a.issuer(imported)
	if spec.Issuer != "" {
		issuer.Name = spec.Issuer
	}
	if spec.Audience != nil {
		issuer.Audiences = spec.Audience
	}
	// Not FetchJWKS: this fetch must not be counted, nor fail in an outage.
	issuer.JWKSURL, issuer.FetchJWKS = "", func(context.Context) ([]byte, error) {
		body, _ := a.keySet()
		return body, nil
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, Now: a.now, CacheSize: -1})
	if err != nil {
		return verifier.Client{}, err
	}
	defer v.Close()
	ctx := context.Background()
	if err := v.Ready(ctx); err != nil {
		return verifier.Client{}, err
	}
	return v.Verify(ctx, a.Token(spec))
}
