package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// feed serves events for as long as the caller may have them.
type feed struct {
	verifier *verifier.Verifier
	every    time.Duration // between two events
	recheck  time.Duration // between two questions whether the caller still may
}

// writeTimeout is how long a caller may take to accept an event: one that
// reads nothing could hold the handler past the end of its token otherwise.
const writeTimeout = 5 * time.Second

// ServeHTTP is guarded by a requirement, which was met when the call came. A
// token expires in the meantime, a client is revoked, a key is removed: the
// events stop then, with a last one that says why.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The context ends with the token.
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
			if r.Context().Err() == nil { // else nobody is there to be told
				s.end(context.Cause(ctx))
			}
			return
		case <-recheck.C:
			// All that can change but the time: the key, and Config.Check.
			if err := f.verifier.Recheck(ctx); err != nil {
				s.end(err)
				return
			}
		case <-tick.C:
			if ctx.Err() != nil {
				continue // of two that are ready, select takes either
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
	// Not every ResponseWriter has deadlines; those of net/http do.
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) flush() error { return s.rc.Flush() }

// end tells why there are no more events: the code and its fixed text, as a
// refused call is told, and nothing of the cause.
func (s *stream) end(err error) {
	code := verifier.AsError(err).Code
	_ = s.send("end", fmt.Sprintf(`{"error":%q,"detail":%q}`, code, code.Message()))
}
