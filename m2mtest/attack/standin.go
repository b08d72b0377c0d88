package attack

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// reference is a sound verifier of an authority that stands in for another than Stytch,
// and nil for Stytch. The corpus is made of Stytch's tokens: another authority accepts
// some of its rows by design, such as a token without "aud".
func reference(a *m2mtest.Authority, proofs *prover) (*verifier.Verifier, error) {
	issuer := a.Issuer()
	if strings.HasPrefix(issuer.Name, "stytch.com/") {
		return nil, nil
	}
	cfg := verifier.Config{Issuers: []verifier.Issuer{issuer}, CacheSize: -1}
	var err error
	if proofs != nil {
		if cfg.DPoP, err = dpop.NewChecker(dpop.Config{}); err != nil {
			return nil, err
		}
	}
	v, err := verifier.New(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := v.Ready(ctx); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// refused returns the credentials that v refuses: those that are attacks on its
// authority. With a nil v, all are.
func refused(v *verifier.Verifier, proofs *prover, corpus []hostile.Credential, need scopes.Requirement) []hostile.Credential {
	if v == nil {
		return corpus
	}
	return slices.DeleteFunc(corpus, func(c hostile.Credential) bool {
		request := verifier.Request{Method: "GET", Path: "/"}
		c, request.DPoP = proofs.present(c, request.Method, request.Path)
		if request.Authorization = c.Authorization; proofs != nil {
			request.Origin = proofs.origin
		}
		_, err := v.Authorize(context.Background(), request, need)
		return err == nil
	})
}
