package mcpmw

import (
	"context"
	"iter"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxStreams bounds the streams of one session whose requirement is remembered. Older
// ones can't be resumed.
const maxStreams = 1024

// resumption is an EventStore that replays a stream only to clients that meet the
// requirement of the call that opened it. The owner of a session may have narrower
// tokens than that of the call.
type resumption struct {
	mcp.EventStore
	guard *Guard

	mu       sync.Mutex
	sessions map[string]*sessionStreams
}

// sessionStreams holds the calls that opened the streams of one session.
type sessionStreams struct {
	calls map[string]*passport // by stream
	order []string             // the oldest first
}

func newResumption(g *Guard, store mcp.EventStore) *resumption {
	return &resumption{EventStore: store, guard: g, sessions: make(map[string]*sessionStreams)}
}

// Open remembers the call that opens a stream. ctx is that of its HTTP request.
func (r *resumption) Open(ctx context.Context, sessionID, streamID string) error {
	if call, ok := ctx.Value(passportKey{}).(*passport); ok && streamID != "" {
		r.remember(sessionID, streamID, call)
	}
	return r.EventStore.Open(ctx, sessionID, streamID)
}

func (r *resumption) remember(sessionID, streamID string, call *passport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sessions[sessionID]
	if s == nil {
		s = &sessionStreams{calls: make(map[string]*passport)}
		r.sessions[sessionID] = s
	}
	s.calls[streamID] = call
	if s.order = append(s.order, streamID); len(s.order) > maxStreams {
		delete(s.calls, s.order[0])
		s.order = s.order[1:]
	}
}

// After replays a stream if the client of ctx, which is that of the resuming request,
// meets the requirement of the call. The stream "" is that of the session, whose owner
// the SDK has compared.
func (r *resumption) After(ctx context.Context, sessionID, streamID string, index int) iter.Seq2[[]byte, error] {
	if err := r.mayResume(ctx, sessionID, streamID); err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return r.EventStore.After(ctx, sessionID, streamID, index)
}

func (r *resumption) mayResume(ctx context.Context, sessionID, streamID string) error {
	if streamID == "" {
		return nil
	}
	var call *passport
	r.mu.Lock()
	if s := r.sessions[sessionID]; s != nil {
		call = s.calls[streamID]
	}
	r.mu.Unlock()
	if call == nil {
		return r.guard.verifier.Deny(ctx, errUnknownStream)
	}
	demands, decided := call.required()
	if !decided {
		return r.guard.verifier.Deny(ctx, errUndecided)
	}
	for _, d := range demands {
		if err := r.guard.verifier.Reauthorize(ctx, d.operation, d.need); err != nil {
			return err
		}
	}
	return nil
}

// SessionClosed forgets the session.
func (r *resumption) SessionClosed(ctx context.Context, sessionID string) error {
	r.mu.Lock()
	delete(r.sessions, sessionID)
	r.mu.Unlock()
	return r.EventStore.SessionClosed(ctx, sessionID)
}
