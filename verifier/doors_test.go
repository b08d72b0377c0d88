package verifier_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAuthorizeDoor runs the table of decisions through Authorize itself.
func TestAuthorizeDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) doortest.Result {
		ctx, err := v.Authorize(t.Context(), requestOf(call), call.Need)
		client, found := verifier.ClientFromContext(ctx)
		if err != nil {
			e, ok := errors.AsType[*verifier.Error](err)
			if !ok {
				t.Fatalf("%T is not an *Error", err)
			}
			if found {
				t.Error("the context beside an error holds a client")
			}
			return doortest.Result{Code: e.Code, Client: client, Seen: err.Error() + strings.Join(e.Challenges(), " | ")}
		}
		return doortest.Result{Reached: true, Client: client}
	})
}

// requestOf returns the Request of a call.
func requestOf(call doortest.Call) verifier.Request {
	r := verifier.Request{
		Operation:        "test",
		Authorization:    call.Authorization,
		PeerCertificates: call.PeerCertificates,
	}
	if call.Proofs != nil {
		r.DPoP, r.Method, r.Origin, r.Path = call.Proofs("GET", "/x"), "GET", doortest.Origin, "/x"
	}
	return r
}
