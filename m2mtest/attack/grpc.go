package attack

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// grpcDoor calls methods with one empty message, as streams: a unary call looks
// the same on the wire.
type grpcDoor struct {
	conn   grpc.ClientConnInterface
	place  place
	proofs *prover // nil if the server takes none
}

// carries excludes values that a gRPC client does not send, and fields that
// only HTTP has.
func (d *grpcDoor) carries(c hostile.Credential) bool {
	for _, value := range c.Authorization {
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return false
		}
	}
	return c.Query == "" && c.Form == "" && d.place.holds(c) && d.proofs.holds(c)
}

func (d *grpcDoor) more(operations []Operation, _ *makers, r *report) { d.attackNames(operations, r) }

func (d *grpcDoor) call(method string, c hostile.Credential) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	md := metadata.MD{}
	presented, proofs := d.proofs.present(c, "POST", method)
	if proofs != nil {
		md["dpop"] = proofs
	}
	if values := d.place.values(presented); values != nil {
		md[strings.ToLower(d.place.name())] = values
	}
	for name, value := range c.Elsewhere {
		md.Set(name, value)
	}
	stream, err := d.conn.NewStream(metadata.NewOutgoingContext(ctx, md),
		&grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err == nil {
		_ = stream.SendMsg(&emptypb.Empty{}) // RecvMsg returns the status
		_ = stream.CloseSend()
		err = stream.RecvMsg(&emptypb.Empty{})
	}
	if errors.Is(err, io.EOF) {
		err = nil // the stream succeeded without a message
	}
	code := status.Code(err)
	return outcome{
		text:    code.String(),
		ok:      code == codes.OK,
		refused: code == codes.Unauthenticated || code == codes.PermissionDenied,
		broken:  code == codes.Unavailable || code == codes.Unimplemented || code == codes.Canceled,
	}
}

// attackNames calls methods without a token, by names that differ slightly from
// theirs.
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
				r.add(attack, name, d.call(name, hostile.Credential{}), outcome{})
			}
		}
	}
}
