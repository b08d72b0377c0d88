package grpcmw_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestUnavailableHasNoChallenge: a client that is challenged would discard a good
// token.
func TestUnavailableHasNoChallenge(t *testing.T) {
	_, v := newVerifier(t)
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.Authenticated()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := running(t, guard.ServerOptions()...)
	for _, tt := range []struct {
		code codes.Code
		want []string
	}{
		{codes.Unauthenticated, []string{`Bearer realm="api"`}},
		{codes.Unavailable, nil},
	} {
		var trailer metadata.MD
		_, err := client.UnaryCall(t.Context(), &testpb.SimpleRequest{}, grpc.Trailer(&trailer))
		if got := trailer["www-authenticate"]; status.Code(err) != tt.code || !slices.Equal(got, tt.want) {
			t.Errorf("unary: %v, %q; want %v, %q", err, got, tt.code, tt.want)
		}
		ss, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = ss.Recv()
		if got := ss.Trailer()["www-authenticate"]; status.Code(err) != tt.code || !slices.Equal(got, tt.want) {
			t.Errorf("stream: %v, %q; want %v, %q", err, got, tt.code, tt.want)
		}
		v.Close()
	}
}

// TestStatusError checks the status of each Code. A call that the caller
// ended says nothing about its token, and is no success either.
func TestStatusError(t *testing.T) {
	refusal := func(code verifier.Code, reason verifier.Reason, cause error) *verifier.Error {
		return &verifier.Error{Code: code, Reason: reason, Err: cause}
	}
	scoped := refusal(verifier.InsufficientScope, verifier.ScopeMissing, nil)
	scoped.Need = scopes.All("b", "a")
	later := refusal(verifier.Unavailable, verifier.KeysUnavailable, errors.New("a cause"))
	later.RetryAfter = 1500 * time.Millisecond
	secret := errors.New("a cause")
	for _, tt := range []struct {
		name     string
		err      error
		code     codes.Code
		info     string // ErrorInfo.reason, "" if there is none
		metadata string
		retry    time.Duration
	}{
		{"no credentials", refusal(verifier.NoCredentials, verifier.CredentialsMissing, secret), codes.Unauthenticated, "CREDENTIALS_MISSING", "", 0},
		{"invalid request", refusal(verifier.InvalidRequest, verifier.CredentialsMultiple, secret), codes.Unauthenticated, "CREDENTIALS_INVALID", "", 0},
		{"invalid token", refusal(verifier.InvalidToken, verifier.BadSignature, secret), codes.Unauthenticated, "ACCESS_TOKEN_INVALID", "", 0},
		{"expired", refusal(verifier.InvalidToken, verifier.Expired, nil), codes.Unauthenticated, "ACCESS_TOKEN_EXPIRED", "", 0},
		{"too old", refusal(verifier.InvalidToken, verifier.TooOld, nil), codes.Unauthenticated, "ACCESS_TOKEN_EXPIRED", "", 0},
		{"token type", refusal(verifier.InvalidToken, verifier.TokenType, nil), codes.Unauthenticated, "ACCESS_TOKEN_TYPE_UNSUPPORTED", "", 0},
		{"canceled, of another Code", refusal(verifier.InvalidToken, verifier.Canceled, nil), codes.Unauthenticated, "ACCESS_TOKEN_INVALID", "", 0},
		{"insufficient scope", scoped, codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "a b", 0},
		{"no scope would do", refusal(verifier.InsufficientScope, verifier.NoRequirement, nil), codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", 0},
		{"unavailable", later, codes.Unavailable, "AUTH_KEYS_UNAVAILABLE", "", 1500 * time.Millisecond},
		{"unavailable, for nobody knows how long", refusal(verifier.Unavailable, verifier.Closed, nil), codes.Unavailable, "AUTH_KEYS_UNAVAILABLE", "", 0},
		{"the caller has gone", refusal(verifier.Unavailable, verifier.Canceled, context.Canceled), codes.Canceled, "", "", 0},
		{"the caller's time is up", refusal(verifier.Unavailable, verifier.Canceled, fmt.Errorf("x: %w", context.DeadlineExceeded)), codes.DeadlineExceeded, "", "", 0},
		{"wrapped", fmt.Errorf("x: %w", scoped), codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "a b", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := status.Convert(new(grpcmw.Interceptor).StatusError(tt.err))
			var info *errdetails.ErrorInfo
			var retry time.Duration
			for _, d := range st.Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					info = d
				case *errdetails.RetryInfo:
					retry = d.GetRetryDelay().AsDuration()
				}
			}
			if st.Code() != tt.code || info.GetReason() != tt.info || retry != tt.retry || st.Message() == "" || strings.Contains(st.Proto().String(), "cause") {
				t.Errorf("%v", st.Proto())
			}
			scope, named := info.GetMetadata()["scope"]
			if scope != tt.metadata || named != (tt.metadata != "") || info != nil && info.GetDomain() != "m2mauth" {
				t.Errorf("%v", info)
			}
		})
	}
}

// TestNilErrors: StatusError of no error is a refusal.
func TestNilErrors(t *testing.T) {
	for _, err := range []error{nil, (*verifier.Error)(nil), &verifier.Error{}, errors.New("x")} {
		if got := status.Code((*grpcmw.Interceptor)(nil).StatusError(err)); got != codes.Unavailable {
			t.Errorf("%v: %v, want Unavailable", err, got)
		}
	}
}

// TestCode tries each Code, and values that are none.
func TestCode(t *testing.T) {
	for code, want := range map[verifier.Code]codes.Code{
		verifier.NoCredentials: codes.Unauthenticated, verifier.InvalidRequest: codes.Unauthenticated, verifier.InvalidToken: codes.Unauthenticated,
		verifier.InsufficientScope: codes.PermissionDenied, verifier.Unavailable: codes.Unavailable, verifier.TooManyRequests: codes.ResourceExhausted,
		0: codes.Unavailable, -1: codes.Unavailable, 99: codes.Unavailable,
	} {
		if got := grpcmw.Code(code); got != want {
			t.Errorf("Code(%d) = %v, want %v", code, got, want)
		}
	}
}
