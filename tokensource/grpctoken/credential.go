package grpctoken

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/tokensource"
)

// perAttempt supplies the metadata of each attempt of a call.
type perAttempt struct{ source *tokensource.Source }

// sent is the credential of one attempt.
type sent struct {
	target      *url.URL
	origin      string
	scheme      string
	accessToken string
}

// call is the context value in which the interceptors find what was sent last.
type call struct{ last atomic.Pointer[sent] }

type callKey struct{}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (p perAttempt) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	if err := checkSecurity(info.AuthInfo); err != nil {
		return nil, err
	}
	target := targetOf(uri, info.Method)
	credential, err := p.source.Credential(ctx, http.MethodPost, target)
	if err != nil {
		return nil, noToken(ctx, err)
	}
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		scheme, _, _ := strings.Cut(credential.Authorization, " ")
		c.last.Store(&sent{target, credential.Origin, scheme, credential.AccessToken})
	}
	md := map[string]string{"authorization": credential.Authorization}
	if credential.Proof != "" {
		md["dpop"] = credential.Proof
	}
	return md, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. It returns
// false, because gRPC would then refuse credentials/local over TCP as well:
// checkSecurity decides for each attempt.
func (perAttempt) RequireTransportSecurity() bool { return false }

// checkSecurity refuses connections that others could read.
func checkSecurity(info credentials.AuthInfo) error {
	kind := "none"
	if info != nil {
		kind = info.AuthType()
		if kind == "local" {
			return nil
		}
		common, ok := info.(interface {
			GetCommonAuthInfo() credentials.CommonAuthInfo
		})
		if ok && common.GetCommonAuthInfo().SecurityLevel == credentials.PrivacyAndIntegrity {
			return nil
		}
	}
	return status.Errorf(codes.Unauthenticated,
		"grpctoken: no token is sent over a connection with transport security %q: want TLS, or package credentials/local", kind)
}

// targetOf returns the URL that a call requests (gRPC over HTTP/2 §Requests), from
// gRPC's URI of its service, which is "https://authority/pkg.Service" whatever the
// connection, and from its method "/pkg.Service/Method".
func targetOf(uri []string, method string) *url.URL {
	if len(uri) == 0 {
		return &url.URL{Path: method}
	}
	scheme, rest, _ := strings.Cut(uri[0], "://")
	authority, _, _ := strings.Cut(rest, "/")
	return &url.URL{Scheme: scheme, Host: strings.ToLower(authority), Path: method}
}

// tokenError reports that there is no token. It wraps the Source's error.
type tokenError struct {
	status *status.Status
	cause  error
}

// noToken returns the error of a call for which there is no token.
func noToken(ctx context.Context, err error) error {
	code := codes.Unavailable
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case ctx.Err() != nil:
		code = codes.Canceled
	}
	return &tokenError{status: status.New(code, fmt.Sprintf("grpctoken: no token: %v", err)), cause: err}
}

func (e *tokenError) Error() string              { return e.status.Err().Error() }
func (e *tokenError) Unwrap() error              { return e.cause }
func (e *tokenError) GRPCStatus() *status.Status { return e.status }
