package grpctoken

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/internal/challenge"
	"github.com/m2mauth/m2mauth/tokensource"
)

// client holds the interceptors of one DialOptions.
type client struct {
	source *tokensource.Source
	opts   Options
}

// unary repeats a call once if its token was refused and there is another one, and
// once if its proof was refused.
func (c *client) unary(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	for triedToken, triedProof := false, false; ; {
		current := &call{}
		var header, trailer metadata.MD
		// A slice of its own: opts is the caller's.
		own := append(make([]grpc.CallOption, 0, len(opts)+2), grpc.Header(&header), grpc.Trailer(&trailer))
		err := invoker(context.WithValue(ctx, callKey{}, current), method, req, reply, conn, append(own, opts...)...)
		c.keepNonce(current, header)
		c.keepNonce(current, trailer) // the newer one
		if err == nil {
			return nil
		}
		refused, what := current.refusal(header, trailer)
		switch {
		case what == challenge.Token && c.opts.NoRepeat:
			c.report(refused, retryAfter(trailer, err))
			return err
		case what == challenge.Token && !triedToken:
			triedToken = true
			next, ended := c.source.Replaced(ctx, refused.origin, refused.accessToken, retryAfter(trailer, err))
			if ended != nil {
				return status.FromContextError(ctx.Err()).Err()
			}
			if !next {
				return err
			}
		case what == challenge.Proof && !triedProof && !c.opts.NoRepeat:
			triedProof = true
		default:
			return err
		}
	}
}

// stream watches for the refusal with which a stream may end.
func (c *client) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	current := &call{}
	s, err := streamer(context.WithValue(ctx, callKey{}, current), desc, conn, method, opts...)
	if err != nil {
		return nil, err // no response yet
	}
	return &stream{ClientStream: s, client: c, call: current, many: desc.ServerStreams}, nil
}

// stream reports a refused token to the Source. It repeats nothing: the caller
// alone knows what it has sent.
type stream struct {
	grpc.ClientStream
	client *client
	call   *call
	many   bool // the server sends any number of messages
	begun  bool // the header was read
}

// RecvMsg implements grpc.ClientStream.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil && s.many && s.begun {
		return nil // not the end
	}
	header, _ := s.Header() // here already, or never
	if !s.begun {
		s.begun = true
		s.client.keepNonce(s.call, header)
	}
	if err == nil && s.many {
		return nil
	}
	trailer := s.Trailer()
	s.client.keepNonce(s.call, trailer)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if refused, what := s.call.refusal(header, trailer); what == challenge.Token {
		s.client.report(refused, retryAfter(trailer, err))
	}
	return err
}

// keepNonce keeps the nonce in the metadata of a response for the next proof, after a
// success too (RFC 9449 §8.2).
func (c *client) keepNonce(current *call, md metadata.MD) {
	values := md["dpop-nonce"]
	if last := current.last.Load(); last != nil && last.scheme == "DPoP" && len(values) == 1 {
		c.source.SetNonce(last.target, values[0])
	}
}

// refusal returns the credential that an error response with this metadata refuses, and
// what of it. A service has the challenge in its header if it runs under
// grpc.Server.ServeHTTP: net/http sends none in trailers.
func (c *call) refusal(header, trailer metadata.MD) (*sent, challenge.Refusal) {
	last := c.last.Load()
	if last == nil {
		return nil, challenge.Nothing
	}
	for _, md := range []metadata.MD{trailer, header} {
		if what := challenge.RefusalOf(md["www-authenticate"], last.scheme); what != challenge.Nothing {
			return last, what
		}
	}
	return last, challenge.Nothing
}

// report has a refused token replaced in the background.
func (c *client) report(refused *sent, after time.Duration) {
	// With an ended context, Replace waits for nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = c.source.Replaced(ctx, refused.origin, refused.accessToken, after)
}

// retryAfter returns how long a refusal asks the client to wait: 0 if it does not.
// The metadata of the service come first: RetryInfo may have been handed on.
func retryAfter(trailer metadata.MD, err error) time.Duration {
	if values := trailer["grpc-retry-pushback-ms"]; len(values) == 1 {
		if ms, err := strconv.ParseInt(values[0], 10, 64); err == nil && ms >= 0 && ms <= math.MaxInt32 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok && info.GetRetryDelay() != nil {
			return max(0, info.GetRetryDelay().AsDuration())
		}
	}
	return 0
}
