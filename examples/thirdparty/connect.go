package thirdparty

import (
	"errors"
	"net/http"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc/status"
)

// ConnectGuard guards Connect handlers for all their protocols: Connect, gRPC and
// gRPC-Web. It is a handler around them, and not an interceptor, because it needs the
// client certificate, and decides before a message is read.
//
// The policy's keys are procedures, "/pkg.Service/Method". Other procedures are
// refused.
func ConnectGuard(v *verifier.Verifier, policy grpcmw.Policy, next http.Handler) http.Handler {
	answer := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := verifier.Request{
			Operation: r.URL.Path,
			// Header.Get would hide a second value.
			Authorization: r.Header["Authorization"],
		}
		if r.TLS != nil {
			request.PeerCertificates = r.TLS.PeerCertificates
		}
		ctx, err := v.Authorize(r.Context(), request, policy[r.URL.Path])
		if err != nil {
			_ = answer.Write(w, r, connectError(err)) // a caller that is gone needs no answer
			return
		}
		// A stream must end when its token is no longer valid.
		ctx, cancel := v.WhileValid(ctx)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// connectError renders a refusal as grpcmw does, with gRPC's codes and details. The
// challenge becomes metadata of the error, which Connect sends as headers.
func connectError(err error) *connect.Error {
	st := status.Convert(new(grpcmw.Interceptor).StatusError(err))
	e := connect.NewError(connect.Code(st.Code()), errors.New(st.Message()))
	for _, message := range st.Proto().GetDetails() {
		if detail, err := connect.NewErrorDetail(message); err == nil {
			e.AddDetail(detail)
		}
	}
	for _, challenge := range verifier.AsError(err).Challenges() {
		e.Meta().Add("WWW-Authenticate", challenge)
	}
	return e
}
