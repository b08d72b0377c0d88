package grpcmw_test

import (
	"context"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestCredentialHeader: the token comes alone in the metadata key that is set, for unary
// calls and streams, and from nowhere else.
func TestCredentialHeader(t *testing.T) {
	decisions := make(chan verifier.Reason, 1)
	authority, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) { decisions <- d.Reason },
	}})
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.All("a")},
		&grpcmw.Options{CredentialHeader: "Cf-Access-Jwt-Assertion"})
	if err != nil {
		t.Fatal(err)
	}
	server := running(t, guard.ServerOptions()...)
	const own = "cf-access-jwt-assertion"
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})
	weak := authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}})
	for _, tt := range []struct {
		name   string
		pairs  []string
		code   codes.Code
		reason verifier.Reason
	}{
		{"a token", []string{own, token}, codes.OK, ""},
		{"beside a credential of the application", []string{own, token, "authorization", "Basic dTpw"}, codes.OK, ""},
		{"beside a token in authorization", []string{own, weak, "authorization", "Bearer " + token}, codes.PermissionDenied, verifier.ScopeMissing},
		{"nothing", nil, codes.Unauthenticated, verifier.CredentialsMissing},
		{"in authorization alone", []string{"authorization", "Bearer " + token}, codes.Unauthenticated, verifier.CredentialsMissing},
		{"in binary metadata", []string{own + "-bin", token}, codes.Unauthenticated, verifier.CredentialsMissing},
		{"twice", []string{own, token, own, token}, codes.Unauthenticated, verifier.CredentialsMultiple},
		{"a weaker one after it", []string{own, token, own, weak}, codes.Unauthenticated, verifier.CredentialsMultiple},
		{"two in one value", []string{own, token + "," + token}, codes.Unauthenticated, verifier.CredentialsMalformed},
		{"with a scheme", []string{own, "Bearer " + token}, codes.Unauthenticated, verifier.CredentialsMalformed},
		{"empty", []string{own, ""}, codes.Unauthenticated, verifier.CredentialsMalformed},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), tt.pairs...)
		_, err := server.UnaryCall(ctx, &testpb.SimpleRequest{})
		if got := <-decisions; status.Code(err) != tt.code || got != tt.reason {
			t.Errorf("unary call with %s = %v, reason %q, want %v, %q", tt.name, err, got, tt.code, tt.reason)
		}
		ctx, cancel := context.WithCancel(ctx)
		stream, err := server.FullDuplexCall(ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		cancel()
		if got := <-decisions; status.Code(err) != tt.code || got != tt.reason {
			t.Errorf("stream with %s = %v, reason %q, want %v, %q", tt.name, err, got, tt.code, tt.reason)
		}
	}
}

func TestCredentialHeaderMistakes(t *testing.T) {
	_, v := newVerifier(t)
	for _, name := range []string{"authorization", "cookie", "grpc-timeout", "x-bin", "x y"} {
		guard, err := grpcmw.New(v, grpcmw.Policy{"/a.B/*": scopes.Authenticated()}, &grpcmw.Options{CredentialHeader: name})
		if guard != nil || err == nil || !strings.Contains(err.Error(), "Options.CredentialHeader is") {
			t.Errorf("New(%q) = %v, %v, want an error about Options.CredentialHeader", name, guard, err)
		}
	}
}
