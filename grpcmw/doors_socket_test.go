package grpcmw_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// TestSocketDoors runs the table through gRPC's own server, with gRPC's own
// client and with a client that sends metadata unchanged.
func TestSocketDoors(t *testing.T) {
	unprintable := func(value string) bool {
		return strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' })
	}
	for _, tt := range []struct {
		name string
		wire doortest.Wire
		send func(t *testing.T, addr string, cert tlstest.Pair, call doortest.Call) (*status.Status, metadata.MD, error)
	}{
		{"unary", doortest.Wire{Refuses: unprintable}, callUnary},
		{"stream by hand", doortest.Wire{Refuses: doortest.Controls}, streamByHand},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert := tlstest.New(t)
			doortest.RunOver(t, tt.wire, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
				reached := make(chan verifier.Client, 1)
				addr, stop := listen(t, interceptor(t, v, call).ServerOptions(), cert, call, func(ctx context.Context, _ string) {
					c, _ := verifier.ClientFromContext(ctx)
					reached <- c
				})
				st, trailer, err := tt.send(t, addr, cert, call)
				stop() // waits for the handler
				select {
				case res.Client = <-reached:
					res.Reached = true
				default:
				}
				if err != nil {
					res.Transport = err.Error()
					return res
				}
				return answered(t, res, call, st, trailer)
			})
		})
	}
}

// listen serves method and streamMethod, whose handlers call reached with
// themselves.
func listen(t *testing.T, opts []grpc.ServerOption, cert tlstest.Pair, call doortest.Call,
	reached func(ctx context.Context, method string),
) (addr string, stop func()) {
	if call.ClientTLS(cert) != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(cert.ServerConfig())))
	}
	server := grpc.NewServer(opts...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.v1.Test",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(srv any, ctx context.Context, decode func(any) error, guard grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(&emptypb.Empty{}); err != nil {
				return nil, err
			}
			handle := func(ctx context.Context, _ any) (any, error) {
				reached(ctx, method)
				return &emptypb.Empty{}, nil
			}
			if guard == nil {
				return handle(ctx, nil)
			}
			return guard(ctx, nil, &grpc.UnaryServerInfo{Server: srv, FullMethod: method}, handle)
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, ClientStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
			reached(ss.Context(), streamMethod)
			return nil
		}}},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return listener.Addr().String(), func() {
		server.Stop()
		<-served
	}
}

// callUnary calls by gRPC's own client.
func callUnary(t *testing.T, addr string, cert tlstest.Pair, call doortest.Call) (*status.Status, metadata.MD, error) {
	creds := insecure.NewCredentials()
	if cfg := call.ClientTLS(cert); cfg != nil {
		creds = credentials.NewTLS(cfg)
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	md := metadata.MD{"authorization": call.Authorization}
	if call.Proofs != nil {
		md.Append("dpop", call.Proofs("POST", method)...)
	}
	for name, value := range call.Elsewhere {
		md.Set(name, value)
	}
	var trailer metadata.MD
	err = conn.Invoke(metadata.NewOutgoingContext(t.Context(), md), method, &emptypb.Empty{}, &emptypb.Empty{}, grpc.Trailer(&trailer))
	return status.Convert(err), trailer, nil
}

// streamByHand writes the frames of a stream.
func streamByHand(t *testing.T, addr string, cert tlstest.Pair, call doortest.Call) (*status.Status, metadata.MD, error) {
	var conn net.Conn
	var err error
	if cfg := call.ClientTLS(cert, "h2"); cfg != nil {
		conn, err = tls.Dial("tcp", addr, cfg)
	} else {
		conn, err = net.Dial("tcp", addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fields := requestFields(streamMethod)
	for _, value := range call.Authorization {
		fields = append(fields, doortest.Field{Name: "authorization", Value: value})
	}
	if call.Proofs != nil {
		for _, proof := range call.Proofs("POST", streamMethod) {
			fields = append(fields, doortest.Field{Name: "dpop", Value: proof})
		}
	}
	for name, value := range call.Elsewhere {
		if strings.HasSuffix(name, "-bin") {
			value = base64.StdEncoding.EncodeToString([]byte(value))
		}
		fields = append(fields, doortest.Field{Name: name, Value: value})
	}
	return exchange(conn, fields)
}

func requestFields(path string) []doortest.Field {
	return []doortest.Field{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path},
		{Name: ":authority", Value: "service.test"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
}

// exchange sends one empty message, and reads the status.
func exchange(conn net.Conn, fields []doortest.Field) (*status.Status, metadata.MD, error) {
	res, err := doortest.HTTP2(conn, fields, make([]byte, 5)) // an empty message has a header alone
	if err != nil {
		return nil, nil, err
	}
	md := metadata.MD{}
	for _, h := range []map[string][]string{res.Header, res.Trailer} {
		for name, values := range h {
			md.Append(name, values...)
		}
	}
	if len(md["grpc-status"]) != 1 {
		return nil, nil, errors.New("HTTP " + strconv.Itoa(res.StatusCode))
	}
	code, err := strconv.Atoi(md["grpc-status"][0])
	if err != nil {
		return nil, nil, err
	}
	st := &spb.Status{Code: int32(code), Message: strings.Join(md["grpc-message"], "")}
	if details := md["grpc-status-details-bin"]; len(details) == 1 {
		raw, err := base64.RawStdEncoding.DecodeString(details[0])
		if err != nil {
			return nil, nil, err
		}
		if err := proto.Unmarshal(raw, st); err != nil {
			return nil, nil, err
		}
	}
	if code == int(codes.OK) {
		st = nil
	}
	return status.FromProto(st), md, nil
}
