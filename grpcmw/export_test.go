package grpcmw

import (
	"context"

	"github.com/m2mauth/m2mauth/verifier"
)

// For tests.
var Pushback = pushback

func RequestOf(opts *Options, ctx context.Context, method string) verifier.Request {
	return (&Interceptor{opts: *opts}).request(ctx, method)
}
