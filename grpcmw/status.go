package grpcmw

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	defaultRealm  = "api"
	defaultDomain = "m2mauth"
)

func (o *Options) realm() string {
	if o == nil || o.Realm == "" {
		return defaultRealm
	}
	return o.Realm
}

func (o *Options) domain() string {
	if o == nil || o.ErrorDomain == "" {
		return defaultDomain
	}
	return o.ErrorDomain
}

func (o *Options) check() error {
	if strings.ContainsFunc(o.realm(), func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		return fmt.Errorf("grpcmw: Options.Realm is %q: want printable ASCII without %q and %q", o.realm(), `"`, `\`)
	}
	return nil
}

// StatusError is the gRPC status of a call that Authorize refused: the code, a
// fixed message, an ErrorInfo, and a RetryInfo where it says when to come
// back. It is how this package answers, for handlers and adapters that call
// Authorize or Recheck themselves. Of opts, which may be nil, it reads
// ErrorDomain.
func StatusError(err error, opts *Options) error {
	e := verifier.AsError(err)
	if e.Code == verifier.Unavailable && e.Reason == verifier.Canceled {
		// The caller gave up, or its time was up: nothing was decided.
		code := codes.Canceled
		if errors.Is(e, context.DeadlineExceeded) {
			code = codes.DeadlineExceeded
		}
		return status.Error(code, "the call ended before its access token was checked")
	}
	info := &errdetails.ErrorInfo{Reason: infoReason(e), Domain: opts.domain()}
	if e.Code == verifier.InsufficientScope {
		if required := e.Need.Scopes(); len(required) > 0 {
			info.Metadata = map[string]string{"scope": strings.Join(required, " ")}
		}
	}
	details := []protoadapt.MessageV1{info}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	st := status.New(statusCode(e.Code), e.Code.Message())
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return st.Err()
}

func statusCode(c verifier.Code) codes.Code {
	switch c {
	case verifier.NoCredentials, verifier.InvalidRequest, verifier.InvalidToken:
		return codes.Unauthenticated
	case verifier.InsufficientScope:
		return codes.PermissionDenied
	default:
		return codes.Unavailable
	}
}

// infoReason is ErrorInfo.reason. Those that begin with ACCESS_TOKEN are the
// names that Google's APIs use.
func infoReason(e *verifier.Error) string {
	switch e.Code {
	case verifier.NoCredentials:
		return "CREDENTIALS_MISSING"
	case verifier.InvalidRequest:
		return "CREDENTIALS_INVALID"
	case verifier.InsufficientScope:
		return "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
	case verifier.InvalidToken:
		switch e.Reason {
		case verifier.Expired, verifier.TooOld:
			return "ACCESS_TOKEN_EXPIRED"
		case verifier.TokenType:
			return "ACCESS_TOKEN_TYPE_UNSUPPORTED"
		default:
			return "ACCESS_TOKEN_INVALID"
		}
	default:
		return "AUTH_KEYS_UNAVAILABLE"
	}
}
