package m2mtest

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// grpcDoor calls methods with an empty message, as streams: on the wire, a
// unary call is no different.
type grpcDoor struct {
	conn grpc.ClientConnInterface
}

// carries leaves out what a client does not put on the wire, and what only
// HTTP has.
func (*grpcDoor) carries(p presented) bool {
	for _, value := range p.authorization {
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return false
		}
	}
	return p.query == "" && p.form == ""
}

func (d *grpcDoor) call(method string, p presented) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), attackTimeout)
	defer cancel()
	md := metadata.MD{}
	if p.authorization != nil {
		md["authorization"] = p.authorization
	}
	for name, value := range p.elsewhere {
		md.Set(name, value)
	}
	stream, err := d.conn.NewStream(metadata.NewOutgoingContext(ctx, md),
		&grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err == nil {
		_ = stream.SendMsg(&emptypb.Empty{}) // the status tells what went wrong
		_ = stream.CloseSend()
		err = stream.RecvMsg(&emptypb.Empty{})
	}
	if errors.Is(err, io.EOF) {
		err = nil // a stream that ended well, without a message
	}
	code := status.Code(err)
	return outcome{
		text:    code.String(),
		ok:      code == codes.OK,
		refused: code == codes.Unauthenticated || code == codes.PermissionDenied,
		broken:  code == codes.Unavailable || code == codes.Unimplemented || code == codes.Canceled,
	}
}

// attackNames calls methods without a token, by names that are almost theirs.
func (d *grpcDoor) attackNames(operations []Operation, r *report) {
	const attack = "name: no token, almost the method's name"
	for _, o := range operations {
		if o.Need.IsPublic() || r.skips(attack) {
			continue
		}
		service, method, _ := strings.Cut(strings.TrimPrefix(o.Call, "/"), "/")
		for _, name := range []string{
			service + "/" + method, // CVE-2026-33186
			"//" + service + "/" + method,
			"/" + service + "//" + method,
			"/x/../" + service + "/" + method,
			"/" + service + "/" + method + "/",
			"/" + service + "/x/" + method,
			"/" + strings.ToUpper(service) + "/" + method,
			"/" + service + "/" + strings.ToLower(method),
			"/" + service + "/" + method + "?",
			"/" + service + "/%" + method,
		} {
			if name != o.Call {
				r.add(attack, name, d.call(name, presented{}), outcome{})
			}
		}
	}
}
