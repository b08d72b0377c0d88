package m2mtest

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/verifier"
)

// Client is the verified client that a token of spec stands for, with claims
// and audience: what handlers find in their context, for tests of handlers
// alone. Put it there with [verifier.ContextWithClient]. It needs no network.
//
// Any ClientID is taken for a machine's, but not a person's "user-…", and any
// Issuer and Audience for the expected ones. It panics if the token is
// refused for another reason.
func Client(spec TokenSpec) verifier.Client {
	a := NewAuthority(&Options{Key: NewKey("ES256"), NoServer: true})
	defer a.Close()
	return a.Client(spec)
}

// Client is like the function of that name, but the client is one of this
// authority's, by its current key.
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
	// Neither counted nor hit by an outage: no part of what a test scripts.
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
