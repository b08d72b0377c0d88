package grpctoken

import (
	"errors"

	"google.golang.org/grpc"

	"github.com/m2mauth/m2mauth/tokensource"
)

// Options holds the optional settings of DialOptions. The zero value, and nil, is
// every default.
type Options struct {
	// NoRepeat returns a refusal to the caller instead of repeating the unary
	// call. The token is replaced in the background. Set it if a service may act
	// on a call before it refuses the token.
	NoRepeat bool
}

// DialOptions returns the options of a channel that sends the tokens of s. The
// channel needs transport security, or package credentials/local: every call over
// plaintext fails as Unauthenticated, and no token is sent. A call for which s has
// no token fails as Unavailable, or with the end of its own context.
//
// Every service that the channel reaches gets the token. Requests for replacement
// count for each ":authority", by the rules and within the budget of
// [tokensource.Source.Replaced]. A RetryInfo of the refusal is waited for, up to
// 5 s.
//
// Repeated unary calls run the interceptors that follow once more, and fill the
// targets of grpc.Header and grpc.Trailer again. opts may be nil.
func DialOptions(s *tokensource.Source, opts *Options) ([]grpc.DialOption, error) {
	if s == nil {
		return nil, errors.New("grpctoken: the Source is nil: make one with tokensource.New")
	}
	c := &client{source: s}
	if opts != nil {
		c.opts = *opts
	}
	return []grpc.DialOption{
		grpc.WithPerRPCCredentials(perAttempt{s}),
		grpc.WithChainUnaryInterceptor(c.unary),
		grpc.WithChainStreamInterceptor(c.stream),
	}, nil
}
