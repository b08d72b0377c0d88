package grpcmw

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// domain is the domain of the ErrorInfo in refusals.
const domain = "m2mauth"

// maxInfoScope bounds the scopes that an ErrorInfo names. A longer list is in
// the challenge alone, which holds up to 2 KiB.
//
// Clients and proxies limit the size of all header fields together, and reset a
// stream that exceeds it: 4 KiB in nginx (grpc_buffer_size), 8 KiB in grpc-java
// and gRPC's C core, 60 KiB in Envoy, 16 MiB in grpc-go. The challenge is at
// most about 2.5 KiB, and the status details, which travel as base64, at most
// about 2 KiB; together they are at most 3.5 KiB.
const maxInfoScope = 1024

// Code returns the gRPC code of a call that was refused with c. It returns
// Unavailable for a Code that is not of package verifier.
func Code(c verifier.Code) codes.Code {
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

// StatusError returns the default status of a refused call: the [Code], a fixed
// message and an ErrorInfo of the domain "m2mauth", with a RetryInfo if err has
// a RetryAfter. An error that is not a refusal becomes Unavailable. A call that
// ended before it was decided is Canceled or DeadlineExceeded.
//
// Handlers and adapters call it with an error of Authorize or Recheck. It does
// not call Options.ErrorHandler, which may call it. It sends no metadata.
//
// ErrorInfo.metadata names the missing scopes under "scope", up to 1 KiB of
// them. A longer list is left out, since half of it would mislead; up to 2 KiB
// are in the www-authenticate metadata.
func (*Interceptor) StatusError(err error) error {
	e := verifier.AsError(err)
	if e.Code == verifier.Unavailable && e.Reason == verifier.Canceled {
		code := codes.Canceled
		if errors.Is(e, context.DeadlineExceeded) {
			code = codes.DeadlineExceeded
		}
		return status.Error(code, "the call ended before its access token was checked")
	}
	info := &errdetails.ErrorInfo{Reason: infoReason(e), Domain: domain}
	if e.Code == verifier.InsufficientScope {
		if scope := strings.Join(e.Need.Scopes(), " "); scope != "" && len(scope) <= maxInfoScope {
			info.Metadata = map[string]string{"scope": scope}
		}
	}
	details := []protoadapt.MessageV1{info}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	st := status.New(Code(e.Code), e.Code.Message())
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return st.Err()
}

// statusOf returns the status of a refused call, by the ErrorHandler if there is
// one.
func (i *Interceptor) statusOf(ctx context.Context, refused *verifier.Error) (err error) {
	if i.opts.ErrorHandler == nil {
		return i.StatusError(refused)
	}
	defer func() {
		// A panic would end the server, and gRPC takes an OK status for a success.
		if recover() != nil || status.Code(err) == codes.OK {
			err = i.StatusError(refused)
		}
	}()
	own := *refused // the handler may change it
	return i.opts.ErrorHandler(ctx, &own)
}

// refuse sends the metadata that goes with a refusal, and returns its status.
// www-authenticate holds the values of the HTTP field of that name.
// grpc-retry-pushback-ms makes clients with a retry policy wait.
//
// Both are trailers, since a client does not retry a response that began with
// headers. net/http drops www-authenticate from trailers (RFC 9110 §6.5.1), so
// it is a header under grpc.Server.ServeHTTP.
func (i *Interceptor) refuse(ctx context.Context, err *verifier.Error) error {
	if err.Realm == "" {
		own := *err // of an expired stream: its context has no Request
		own.Realm = i.opts.Realm
		err = &own
	}
	// The setters fail only without a transport, as in a unit test.
	if challenges := err.Challenges(); challenges != nil {
		send := grpc.SetTrailer
		if ctx.Value(http.ServerContextKey) != nil {
			send = grpc.SetHeader
		}
		_ = send(ctx, metadata.MD{"www-authenticate": challenges})
	}
	if err.RetryAfter > 0 {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", pushback(err.RetryAfter)))
	}
	return i.statusOf(ctx, err)
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
