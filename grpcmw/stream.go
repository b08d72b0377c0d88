package grpcmw

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// serveStream runs the handler of a stream that was let in.
func (i *Interceptor) serveStream(srv any, ss grpc.ServerStream, ctx context.Context, handler grpc.StreamHandler) error {
	// Not middleware.WrapServerStream, which would change the context of a
	// wrapper that an interceptor before this one holds.
	wrapped := middleware.WrappedServerStream{ServerStream: ss, WrappedContext: ctx}
	if _, isMachine := verifier.ClientFromContext(ctx); !isMachine || i.opts.KeepStreamsPastExpiry {
		return handler(srv, &wrapped)
	}
	ctx, cancel := i.verifier.UntilExpiry(ctx)
	defer cancel()
	wrapped.WrappedContext = ctx
	s := &expiringStream{WrappedServerStream: wrapped, opts: &i.opts}

	err := handler(srv, s)
	if late := s.expired(); late != nil && (err != nil || s.refused.Load()) {
		// What the handler made of it, the client is to know that it needs a
		// new token. A handler that had finished well is left alone.
		i.challenge(ss.Context(), late)
		return StatusError(late, &i.opts)
	}
	return err
}

// expiringStream ends when its token expires.
type expiringStream struct {
	middleware.WrappedServerStream
	opts    *Options
	refused atomic.Bool // a message was refused because of the expiry
}

// expired returns the refusal of the expired token, or nil before then and
// when the stream has ended otherwise.
func (s *expiringStream) expired() *verifier.Error {
	if s.WrappedContext.Err() == nil {
		return nil
	}
	late, _ := errors.AsType[*verifier.Error](context.Cause(s.WrappedContext))
	return late
}

// refuse returns the status of the expired token, or nil.
func (s *expiringStream) refuse() error {
	late := s.expired()
	if late == nil {
		return nil
	}
	s.refused.Store(true)
	return StatusError(late, s.opts)
}

func (s *expiringStream) SendMsg(m any) error {
	if err := s.refuse(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// RecvMsg receives in a goroutine of its own, because there is no other way
// to be released from a receive before the handler has returned. When the
// token expires first, the goroutine is left to end with the stream. It
// receives into a message of its own, too: a late one must not be written
// where the handler may be looking. (Of a message that is not protobuf's the
// copy is shallow: a codec that writes into buffers which the handler has put
// there can still do so until the handler has returned.)
func (s *expiringStream) RecvMsg(m any) error {
	if err := s.refuse(); err != nil {
		return err
	}
	private, move := privateCopy(m)
	if private == nil {
		return s.ServerStream.RecvMsg(m)
	}
	done := make(chan received, 1)
	go func() {
		var r received
		defer func() {
			// The handler's goroutine may have somebody who recovers; this one
			// would end the program.
			if !r.returned {
				r.panicked = recover()
			}
			done <- r
		}()
		r.err = s.ServerStream.RecvMsg(private)
		r.returned = true
	}()
	var r received
	select {
	case r = <-done:
	case <-s.WrappedContext.Done():
		if err := s.refuse(); err != nil {
			return err
		}
		r = <-done // the call itself has ended, so the receive ends as well
	}
	if !r.returned {
		panic(r.panicked)
	}
	if err := s.refuse(); err != nil {
		return err
	}
	if r.err == nil {
		move()
	}
	return r.err
}

// received is how a receive ended.
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
	// A message of somebody else's codec, which may have prepared it.
	own := reflect.New(v.Type().Elem())
	own.Elem().Set(v.Elem())
	return own.Interface(), func() { v.Elem().Set(own.Elem()) }
}
