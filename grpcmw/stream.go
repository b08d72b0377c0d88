package grpcmw

import (
	"context"
	"errors"
	"reflect"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// serveStream calls the handler of an authorized stream. If the token becomes
// invalid first, the client receives that refusal instead of the handler's
// result: nil would make a cut stream look complete, and another error would hide
// that a new token is needed. If the client cancelled first, or the deadline
// passed first, the handler's result stands.
func (i *Interceptor) serveStream(srv any, ss grpc.ServerStream, ctx context.Context, handler grpc.StreamHandler) error {
	// Not middleware.WrapServerStream, which would change the context of a
	// wrapper that an interceptor before this one holds.
	wrapped := middleware.WrappedServerStream{ServerStream: ss, WrappedContext: ctx}
	if _, isMachine := verifier.ClientFromContext(ctx); !isMachine || i.opts.KeepStreamsPastExpiry {
		return handler(srv, &wrapped)
	}
	ctx, cancel := i.verifier.WhileValid(ctx)
	defer cancel()
	wrapped.WrappedContext = ctx
	s := &expiringStream{WrappedServerStream: wrapped, guard: i}

	err := handler(srv, s)
	if late := s.expired(); late != nil {
		return i.refuse(ss.Context(), late)
	}
	return err
}

// expiringStream passes messages on until its token expires.
type expiringStream struct {
	middleware.WrappedServerStream
	guard *Interceptor
}

// expired returns the refusal of the expired token. It returns nil before the
// expiry, and if the stream ended earlier for another reason.
func (s *expiringStream) expired() *verifier.Error {
	if s.WrappedContext.Err() == nil {
		return nil
	}
	late, _ := errors.AsType[*verifier.Error](context.Cause(s.WrappedContext))
	return late
}

func (s *expiringStream) SendMsg(m any) error {
	if late := s.expired(); late != nil {
		return s.guard.statusOf(s.ServerStream.Context(), late)
	}
	return s.ServerStream.SendMsg(m)
}

// RecvMsg receives in a goroutine of its own, because a receive can't be
// released in another way before the handler has returned. If the token
// expires first, the goroutine ends with the stream. It receives into a message
// of its own: a late one must not be written where the handler may be reading.
// The copy is shallow for messages that are not protobuf's. A codec that writes
// into buffers of such a message can do so until the handler has returned.
func (s *expiringStream) RecvMsg(m any) error {
	if late := s.expired(); late != nil {
		return s.guard.statusOf(s.ServerStream.Context(), late)
	}
	private, move := privateCopy(m)
	if private == nil {
		return s.ServerStream.RecvMsg(m)
	}
	var r received
	done := make(chan struct{}) // closed once r is set
	go func() {
		defer close(done)
		defer func() {
			// Nothing recovers a panic of this goroutine: it would end the program.
			if !r.returned {
				r.panicked = recover()
			}
		}()
		r.err = s.ServerStream.RecvMsg(private)
		r.returned = true
	}()
	select {
	case <-done:
	case <-s.WrappedContext.Done():
	}
	if late := s.expired(); late != nil {
		return s.guard.statusOf(s.ServerStream.Context(), late)
	}
	<-done // if the context ended for another reason, so does the receive
	if !r.returned {
		panic(r.panicked)
	}
	if r.err == nil {
		move()
	}
	return r.err
}

// received holds the outcome of a receive.
type received struct {
	err      error
	returned bool // else it panicked
	panicked any
}

// privateCopy returns a message like m to receive into, and a function that
// moves what was received into m. It returns nil for what is not a pointer,
// which no known codec receives into.
func privateCopy(m any) (private any, move func()) {
	if msg, ok := m.(proto.Message); ok && msg.ProtoReflect().IsValid() {
		own := msg.ProtoReflect().New()
		return own.Interface(), func() {
			proto.Reset(msg)
			target := msg.ProtoReflect()
			own.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
				target.Set(field, v) // own is not used again, so nothing is shared
				return true
			})
			target.SetUnknown(own.GetUnknown())
		}
	}
	v := reflect.ValueOf(m)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, nil
	}
	// A message of another codec, which may have prepared it.
	own := reflect.New(v.Type().Elem())
	own.Elem().Set(v.Elem())
	return own.Interface(), func() { v.Elem().Set(own.Elem()) }
}
