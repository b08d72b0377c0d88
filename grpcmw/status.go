package grpcmw

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
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

// Bounds of what a refusal adds to a response. Clients and proxies limit the
// size of all header fields together, and reset a stream that exceeds it: 4 KiB
// in nginx (grpc_buffer_size), 8 KiB in grpc-java and gRPC's C core, 60 KiB in
// Envoy, 16 MiB in grpc-go. The challenge is at most about 2.5 KiB, and the
// status details, which travel as base64, at most about 2.3 KiB; together they
// are at most 3.5 KiB.
const (
	maxName      = 256  // Realm and ErrorDomain
	maxInfoScope = 1024 // a longer list is in the challenge alone, which holds up to 2 KiB
)

func (o *Options) check() error {
	return errors.Join(checkName("Realm", o.realm()), checkName("ErrorDomain", o.domain()))
}

// checkName refuses what a quoted string (RFC 9110 §5.6.4) or a proto string
// can't hold as it is, and what would exceed the bounds above.
func checkName(option, name string) error {
	if len(name) > maxName {
		return fmt.Errorf("grpcmw: Options.%s has %d bytes: want at most %d", option, len(name), maxName)
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		return fmt.Errorf("grpcmw: Options.%s is %s: want printable ASCII without %q and %q", option, redact.Quote(name), `"`, `\`)
	}
	return nil
}

// StatusError returns the gRPC status of a call that Authorize refused: a code,
// a fixed message and an ErrorInfo, with a RetryInfo if err has a RetryAfter.
// The interceptors answer with it. It is exported for handlers and adapters
// that call Authorize or Recheck themselves. Of opts, which may be nil, it reads
// ErrorDomain.
//
// ErrorInfo.metadata names the missing scopes under "scope", up to 1 KiB of
// them. A longer list is left out, since half of it would mislead; up to 2 KiB
// are in the www-authenticate metadata.
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
		if scope := strings.Join(e.Need.Scopes(), " "); scope != "" && len(scope) <= maxInfoScope {
			info.Metadata = map[string]string{"scope": scope}
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
	case verifier.TooManyRequests:
		return codes.ResourceExhausted
	default:
		return codes.Unavailable
	}
}

// pushback renders d for grpc-retry-pushback-ms: whole milliseconds, rounded up
// because a retry before d would fail. Clients take a value beyond an int32 as
// "do not retry" (gRFC A6).
func pushback(d time.Duration) string {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return strconv.FormatInt(min(ms, math.MaxInt32), 10)
}

// infoReason returns ErrorInfo.reason, which is API. Google's APIs use the
// names that begin with ACCESS_TOKEN.
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
	case verifier.TooManyRequests:
		return "RATE_LIMIT_EXCEEDED"
	default:
		return "AUTH_KEYS_UNAVAILABLE"
	}
}
