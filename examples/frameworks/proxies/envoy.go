package proxies

import (
	"context"
	"net/http"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// extAuthz answers Envoy's ext_authz. Let nothing but Envoy reach the server: it
// believes what it is told about the call.
type extAuthz struct {
	authv3.UnimplementedAuthorizationServer
	policy http.Handler
}

// Check decides about the method, path and headers that Envoy received. Envoy joins
// several values of a header by a comma: a token holds none, so two are refused.
func (e extAuthz) Check(ctx context.Context, check *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	call, header := check.GetAttributes().GetRequest().GetHttp(), http.Header{}
	for name, value := range call.GetHeaders() {
		header.Add(name, value)
	}
	for _, field := range call.GetHeaderMap().GetHeaders() { // with encode_raw_headers
		header.Add(field.GetKey(), string(field.GetRawValue()))
	}
	d := decide(ctx, e.policy, call.GetMethod(), call.GetHost(), call.GetPath(), header)
	if !d.allowed() {
		return &authv3.CheckResponse{
			Status: &status.Status{Code: int32(codes.PermissionDenied)}, // the HTTP status is below
			HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
				Status:  &typev3.HttpStatus{Code: typev3.StatusCode(d.status)},
				Headers: fields(d.header, "WWW-Authenticate", "Retry-After", "Content-Type", "Cache-Control"),
				Body:    d.body.String(),
			}},
		}, nil
	}
	ok := &authv3.OkHttpResponse{Headers: fields(d.header, clientHeader)}
	if len(ok.Headers) == 0 {
		// A public call: the client's own header must not reach the service. Envoy removes
		// after it sets, so a header is in one list alone.
		ok.HeadersToRemove = []string{clientHeader}
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}, nil
}

// fields returns the named fields for Envoy. Several challenges are one field (RFC 9110
// §11.6.1): versions of Envoy differ in what they do with a second one.
func fields(header http.Header, names ...string) (list []*corev3.HeaderValueOption) {
	for _, name := range names {
		if values := header.Values(name); len(values) > 0 {
			list = append(list, &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: name, Value: strings.Join(values, ", ")},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			})
		}
	}
	return list
}
