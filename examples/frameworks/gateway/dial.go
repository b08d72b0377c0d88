package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// challenge answers the errors of a gateway that dials: pass the result to
// runtime.WithErrorHandler. The response gets the server's own WWW-Authenticate, where
// the gateway would write the status message, and Retry-After. If resourceMetadata is
// not empty, each challenge names that URL (RFC 9728 §5.1).
func challenge(resourceMetadata string) runtime.ErrorHandlerFunc {
	return func(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
		md, _ := runtime.ServerMetadataFromContext(ctx)
		if refused, ok := errors.AsType[*refusal](err); ok {
			md = refused.metadata
		}
		challenges := slices.Concat(md.HeaderMD["www-authenticate"], md.TrailerMD["www-authenticate"])
		if resourceMetadata != "" {
			for i := range challenges {
				challenges[i] += `, resource_metadata="` + resourceMetadata + `"`
			}
		}
		runtime.DefaultHTTPErrorHandler(ctx, mux, m, &challengeWriter{w, challenges, retryAfter(err)}, r, err)
	}
}

// authorization passes on every Authorization value: pass it to runtime.WithMetadata. By
// itself the gateway drops a value that gRPC can't carry, so that two become one. An
// empty value in its place is refused as well.
func authorization(_ context.Context, r *http.Request) metadata.MD {
	values := slices.Clone(r.Header["Authorization"])
	for i, value := range values {
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
			values[i] = ""
		}
	}
	return metadata.MD{"authorization": values}
}

// challengeWriter sets the fields of a refusal when the gateway has set its own.
type challengeWriter struct {
	http.ResponseWriter
	challenges []string
	retryAfter string
}

func (w *challengeWriter) WriteHeader(status int) {
	w.Header().Del("WWW-Authenticate")
	for _, challenge := range w.challenges {
		w.Header().Add("WWW-Authenticate", challenge)
	}
	if w.retryAfter != "" {
		w.Header().Set("Retry-After", w.retryAfter)
	}
	w.ResponseWriter.WriteHeader(status)
}

// retryAfter returns how many seconds to wait, or "" if err does not say.
func retryAfter(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return strconv.Itoa(int(math.Ceil(retry.GetRetryDelay().AsDuration().Seconds())))
		}
	}
	return ""
}

// earlyRefusal makes the refusal of a server stream reach the error handler, with its
// trailer: pass it to grpc.WithChainStreamInterceptor for the gateway's connection. The
// gateway asks for the header of the stream, and gRPC reports no error there.
func earlyRefusal(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &earlyStream{stream}, nil
}

type earlyStream struct{ grpc.ClientStream }

// Header returns the error of a stream that ended with its header.
func (s *earlyStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if err != nil || header != nil && header["www-authenticate"] == nil {
		return header, err
	}
	err = s.RecvMsg(new(emptypb.Empty)) // returns at once: there is no message
	if err == nil || errors.Is(err, io.EOF) {
		return header, nil // a stream that is empty
	}
	return nil, &refusal{err, runtime.ServerMetadata{HeaderMD: header, TrailerMD: s.Trailer()}}
}

// refusal is the error of a stream, with the metadata that came along.
type refusal struct {
	error
	metadata runtime.ServerMetadata
}

func (r *refusal) GRPCStatus() *status.Status { return status.Convert(r.error) }
