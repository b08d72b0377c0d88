package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// feed serves events while the client may call.
type feed struct {
	verifier *verifier.Verifier
	every    time.Duration // between two events
	recheck  time.Duration // interval of checks whether the client may still call
}

// writeTimeout bounds the write of one event. Without it, a client that does not read
// could keep the handler past the end of its token.
const writeTimeout = 5 * time.Second

// ServeHTTP serves events to a client that met the requirement when it called. When
// the token expires, the client is revoked or the key is removed, it sends a last
// event with the reason, and returns.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The context ends when the token expires or its key is removed.
	ctx, cancel := f.verifier.WhileValid(r.Context())
	defer cancel()
	s := &stream{w, http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	s.flush()

	tick := time.NewTicker(f.every)
	defer tick.Stop()
	recheck := time.NewTicker(f.recheck)
	defer recheck.Stop()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			if r.Context().Err() == nil { // else the client has left
				s.end(context.Cause(ctx))
			}
			return
		case <-recheck.C:
			// Recheck also calls Config.Check, which knows revoked clients.
			if err := f.verifier.Recheck(ctx); err != nil {
				s.end(err)
				return
			}
		case <-tick.C:
			if ctx.Err() != nil {
				continue // both were ready, and select chose this one
			}
			if s.send("count", fmt.Sprint(n)) != nil {
				return
			}
			n++
		}
	}
}

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s *stream) send(event, data string) error {
	// net/http's ResponseWriters have deadlines; others may not.
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) flush() error { return s.rc.Flush() }

// end sends the reason as the last event: the code and its fixed text, as in a
// refusal, without the cause.
func (s *stream) end(err error) {
	code := verifier.AsError(err).Code
	_ = s.send("end", fmt.Sprintf(`{"error":%q,"detail":%q}`, code, code.Message()))
}
