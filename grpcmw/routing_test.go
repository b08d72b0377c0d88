package grpcmw_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// TestRawPaths sends paths that resemble those of methods to gRPC's own
// server, as no gRPC client would. If the server finds a method by such a
// path, the policy must find the same one (CVE-2026-33186).
func TestRawPaths(t *testing.T) {
	authority, v := newVerifier(t)
	token := "Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"call"}})
	policies := map[string]grpcmw.Policy{
		"by method":  {method: scopes.All("call"), streamMethod: scopes.All("stream")},
		"by service": {"/test.v1.Test/*": scopes.All("call"), streamMethod: scopes.All("stream")},
		"with a public service beside it": {
			method: scopes.All("call"), streamMethod: scopes.All("stream"), "/test.v1.Public/*": scopes.Public(),
		},
	}
	const none = codes.Unauthenticated
	for name, policy := range policies {
		guard, err := grpcmw.New(v, policy, nil)
		if err != nil {
			t.Fatal(err)
		}
		reached := make(chan string, 1)
		addr, stop := listen(t, guard.ServerOptions(), tlstest.Pair{}, doortest.Call{}, func(_ context.Context, method string) { reached <- method })
		for _, tt := range []struct {
			path          string
			without, with codes.Code // a token that is good for method, and not for streamMethod
		}{
			{method, none, codes.OK},
			{streamMethod, none, codes.PermissionDenied},
			{strings.TrimPrefix(method, "/"), codes.Unimplemented, codes.Unimplemented},
			{strings.TrimPrefix(streamMethod, "/"), codes.Unimplemented, codes.Unimplemented},
			{"/" + method, codes.Unimplemented, codes.Unimplemented},
			{"//" + method, codes.Unimplemented, codes.Unimplemented},
			{method + "/", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test//Call", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/x/Call", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/../test.v1.Test/Call", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Public/../test.v1.Test/Call", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Public/x", codes.Unimplemented, codes.Unimplemented},
			{"/./test.v1.Test/Call", codes.Unimplemented, codes.Unimplemented},
			{"/TEST.V1.TEST/CALL", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/call", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/Cal%6c", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test%2fCall", codes.Unimplemented, codes.Unimplemented},
			{"/test%2ev1.Test/Call", codes.Unimplemented, codes.Unimplemented},
			{method + "?x=1", codes.Unimplemented, codes.Unimplemented},
			{method + "#x", codes.Unimplemented, codes.Unimplemented},
			{method + ";x=1", codes.Unimplemented, codes.Unimplemented},
			{method + ".", codes.Unimplemented, codes.Unimplemented},
			{method + " ", codes.Unimplemented, codes.Unimplemented},
			{" " + method, codes.Unimplemented, codes.Unimplemented},
			{"http://service.test" + method, codes.Unimplemented, codes.Unimplemented},
			{`\test.v1.Test\Call`, codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/*", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test/", codes.Unimplemented, codes.Unimplemented},
			{"/test.v1.Test", codes.Unimplemented, codes.Unimplemented},
			{"/", codes.Unimplemented, codes.Unimplemented},
			{"*", codes.Unimplemented, codes.Unimplemented},
		} {
			for _, credential := range []string{"", token} {
				t.Run(name+"/"+tt.path, func(t *testing.T) {
					fields, want := requestFields(tt.path), tt.without
					if credential != "" {
						fields, want = append(fields, doortest.Field{Name: "authorization", Value: credential}), tt.with
					}
					conn, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					st, _, err := exchange(conn, fields)
					if err != nil || st.Code() != want {
						t.Errorf("%v, %v; want %v", st, err, want)
					}
					got := ""
					select {
					case got = <-reached:
					default:
					}
					if let := want == codes.OK; let != (got == method) || got == streamMethod {
						t.Errorf("reached %q", got)
					}
				})
			}
		}
		stop()
	}
}

// TestRawPathsCatchAll: if a server passes every unknown path to one
// handler, as proxies do, the policy is looked up by the path as it was
// sent.
func TestRawPathsCatchAll(t *testing.T) {
	authority, v := newVerifier(t)
	token := "Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"call"}})
	guard, err := grpcmw.New(v, grpcmw.Policy{method: scopes.All("call"), "/test.v1.Public/*": scopes.Public()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan string, 1)
	opts := append(guard.ServerOptions(), grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
		path, _ := grpc.MethodFromServerStream(ss)
		reached <- path
		return nil
	}))
	addr, stop := listen(t, opts, tlstest.Pair{}, doortest.Call{}, func(context.Context, string) {})
	defer stop()
	for _, tt := range []struct {
		path string
		want codes.Code
	}{
		{"/test.v1.Public/x", codes.OK},
		{"/test.v1.Other/Call", codes.PermissionDenied},
		{"/test.v1.Public/../test.v1.Other/Call", codes.PermissionDenied},
		{"/test.v1.Public//Call", codes.PermissionDenied},
		{"//test.v1.Public/x", codes.PermissionDenied},
		{"/TEST.v1.Public/x", codes.PermissionDenied},
		{"/test.v1.Public/x/", codes.PermissionDenied},
		{"/test.v1.Public%2fx", codes.Unimplemented},
		{"test.v1.Public/x", codes.Unimplemented}, // by the server, before any interceptor
		{"test.v1.Other/Call", codes.Unimplemented},
	} {
		t.Run(tt.path, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			st, _, err := exchange(conn, append(requestFields(tt.path), doortest.Field{Name: "authorization", Value: token}))
			if err != nil || st.Code() != tt.want {
				t.Errorf("%v, %v; want %v", st, err, tt.want)
			}
			got := ""
			select {
			case got = <-reached:
			default:
			}
			if let := tt.want == codes.OK; let != (got == tt.path) || !let && got != "" {
				t.Errorf("reached %q", got)
			}
		})
	}
}

// TestRawFields: only the authorization key is read, and malformed fields
// are not a request.
func TestRawFields(t *testing.T) {
	authority, v := newVerifier(t)
	guard, err := grpcmw.New(v, grpcmw.Policy{method: scopes.Authenticated()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := "Bearer " + authority.Token(m2mtest.TokenSpec{})
	reached := make(chan string, 1)
	addr, stop := listen(t, guard.ServerOptions(), tlstest.Pair{}, doortest.Call{}, func(_ context.Context, method string) { reached <- method })
	defer stop()
	field := func(name, value string) doortest.Field { return doortest.Field{Name: name, Value: value} }
	for _, tt := range []struct {
		name   string
		fields []doortest.Field
		want   codes.Code // OK if the handler is reached, Unknown for no status at all
	}{
		{"control", []doortest.Field{field("authorization", token)}, codes.OK},
		{"a name in upper case", []doortest.Field{field("Authorization", token)}, codes.Unknown},
		{"a name with a space", []doortest.Field{field("authorization ", token)}, codes.Unknown},
		{"a pseudo-field", []doortest.Field{field(":authorization", token)}, codes.Unknown},
		{"another host beside it", []doortest.Field{field("host", "admin.test")}, codes.Unauthenticated},
		{"a method override", []doortest.Field{field("x-http-method-override", "GET"), field("grpc-method", "/test.v1.Public/x")}, codes.Unauthenticated},
		{"a second path", []doortest.Field{field(":path", "/test.v1.Public/x")}, codes.Unknown},
		{"grpc's own names", []doortest.Field{field("grpc-authorization", token), field("grpc-metadata-authorization", token)}, codes.Unauthenticated},
		{"connection", []doortest.Field{field("authorization", token), field("connection", "authorization")}, codes.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			st, _, err := exchange(conn, append(requestFields(method), tt.fields...))
			if tt.want == codes.Unknown {
				if err == nil {
					t.Errorf("the transport was to refuse it: %v", st)
				}
			} else if err != nil || st.Code() != tt.want {
				t.Errorf("%v, %v; want %v", st, err, tt.want)
			}
			select {
			case <-reached:
				if tt.want != codes.OK {
					t.Error("the handler was reached")
				}
			default:
				if tt.want == codes.OK {
					t.Error("the handler was not reached")
				}
			}
		})
	}
}
