package proxies

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/goccy/go-yaml"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

// envoy does what Envoy's filter does (source/extensions/filters/http/ext_authz): it
// asks by gRPC, and changes the headers of the call by the answer.
type envoy struct {
	policy  authv3.AuthorizationClient
	raw     bool // encode_raw_headers
	service http.Handler
}

func (e envoy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := &authv3.AttributeContext_HttpRequest{Method: r.Method, Path: r.RequestURI, Host: r.Host}
	if e.raw {
		call.HeaderMap = new(corev3.HeaderMap)
	} else {
		call.Headers = map[string]string{":path": r.RequestURI, ":method": r.Method}
	}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if !e.raw {
			call.Headers[name] = strings.ToValidUTF8(strings.Join(values, ","), "!")
			continue
		}
		for _, value := range values {
			call.HeaderMap.Headers = append(call.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
		}
	}
	answer, err := e.policy.Check(r.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: call},
	}})
	switch {
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable) // status_on_error
	case codes.Code(answer.GetStatus().GetCode()) == codes.OK:
		r = r.Clone(r.Context())
		for _, field := range answer.GetOkResponse().GetHeaders() {
			r.Header.Set(field.GetHeader().GetKey(), field.GetHeader().GetValue())
		}
		for _, name := range answer.GetOkResponse().GetHeadersToRemove() { // after it has set them
			r.Header.Del(name)
		}
		e.service.ServeHTTP(w, r)
	default:
		denied := answer.GetDeniedResponse()
		for _, field := range denied.GetHeaders() {
			w.Header().Set(field.GetHeader().GetKey(), field.GetHeader().GetValue())
		}
		w.WriteHeader(int(denied.GetStatus().GetCode()))
		w.Write([]byte(denied.GetBody()))
	}
}

// startExtAuthz serves the policy, and returns a client for it.
func startExtAuthz(t *testing.T, policy http.Handler) authv3.AuthorizationClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, extAuthz{policy: policy})
	go server.Serve(l)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

func TestEnvoy(t *testing.T) {
	w := newWorld(t)
	client := startExtAuthz(t, w.policy)
	for name, raw := range map[string]bool{"headers joined": false, "raw headers": true} {
		t.Run(name, func(t *testing.T) {
			proxy := envoy{client, raw, service}
			testProxy(t, w, proxy, http.StatusBadRequest)
			attack.Run(t, attack.Target{
				Authority: w.authority, Handler: proxy, HTTP: attack.Operations(w.policy.Operations()),
				// A field of protobuf holds no invalid UTF-8: Envoy replaces it.
				Skip: func(name string) bool { return !raw && strings.HasSuffix(name, "invalid UTF-8") },
			})
		})
	}
}

// TestEnvoyAnswers checks the messages themselves.
func TestEnvoyAnswers(t *testing.T) {
	w := newWorld(t)
	flooded := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Www-Authenticate"] = nil
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	twoChallenges := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Www-Authenticate"] = []string{`Bearer realm="api"`, `DPoP algs="ES256"`}
		w.WriteHeader(http.StatusUnauthorized)
	})
	for _, tt := range []struct {
		name   string
		policy http.Handler
		path   string
		status int32
		want   []string // the headers
	}{
		{"refused", w.policy, "/orders", 401, []string{`WWW-Authenticate: Bearer realm="api", scope="orders:read"`,
			"Content-Type: application/problem+json", "Cache-Control: no-store"}},
		{"two challenges", twoChallenges, "/orders", 401, []string{`WWW-Authenticate: Bearer realm="api", DPoP algs="ES256"`}},
		{"undecided", w.closed(t), "/orders", 503, []string{"Content-Type: application/problem+json", "Cache-Control: no-store"}},
		{"a flood", flooded, "/orders", 429, []string{"Retry-After: 7"}},
		{"no path", w.policy, "", 403, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := extAuthz{policy: tt.policy}.Check(context.Background(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
				Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: tt.path}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, field := range answer.GetDeniedResponse().GetHeaders() {
				got = append(got, field.GetHeader().GetKey()+": "+field.GetHeader().GetValue())
			}
			status := int32(answer.GetDeniedResponse().GetStatus().GetCode())
			if codes.Code(answer.GetStatus().GetCode()) != codes.PermissionDenied || status != tt.status || !slices.Equal(got, tt.want) {
				t.Errorf("Check(%s) = %v, %d %q, want PermissionDenied, %d %q", tt.path, answer.GetStatus(), status, got, tt.status, tt.want)
			}
		})
	}
}

// TestEnvoyFilter: Envoy knows every setting of envoy.yaml.
func TestEnvoyFilter(t *testing.T) {
	text, err := os.ReadFile("envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	filter, config := new(managerv3.HttpFilter), new(filterv3.ExtAuthz)
	if err := protojson.Unmarshal(asJSON, filter); err != nil {
		t.Fatal(err)
	}
	if err := filter.GetTypedConfig().UnmarshalTo(config); err != nil {
		t.Fatal(err)
	}
	if err := config.ValidateAll(); err != nil || config.GetStatusOnError().GetCode() != 503 || config.GetFailureModeAllow() {
		t.Errorf("envoy.yaml = %v, %v, want a valid filter that answers 503 without a policy", config, err)
	}
}
