package thirdparty

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/m2mauth/m2mauth/verifier"
)

// Echo serves a websocket that returns each message, while the client may call. Guard
// it with httpmw like any handler: the opening request carries the token.
type Echo struct {
	Verifier *verifier.Verifier
	Recheck  time.Duration // between two questions whether the caller still may
}

// writeTimeout bounds the write of one message.
const writeTimeout = 5 * time.Second

// ServeHTTP opens the websocket. It closes it as a policy violation (RFC 6455 §7.4.1)
// when the token expires, is cut off (Config.Revocations), its key is removed, or
// Config.Check refuses the client.
func (e *Echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	ctx, cancel := e.Verifier.WhileValid(r.Context())
	ctx, revoke := context.WithCancelCause(ctx)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := e.watch(ctx); err != nil {
			revoke(err) // nothing that is still read is answered
			_ = conn.Close(closeStatus(err), verifier.AsError(err).Code.String())
		}
	}()
	defer func() {
		revoke(nil)
		cancel()
		<-closed // or the caller would not be told why
		_ = conn.CloseNow()
	}()
	for {
		// Don't use ctx: its end would cut the connection without a close frame.
		// Close ends Read as well.
		kind, message, err := conn.Read(r.Context())
		if err != nil || ctx.Err() != nil {
			return
		}
		if err := e.write(ctx, conn, kind, message); err != nil {
			return
		}
	}
}

func (e *Echo) write(ctx context.Context, conn *websocket.Conn, kind websocket.MessageType, message []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return conn.Write(ctx, kind, message)
}

// watch returns the reason for which the client may no longer call, or nil after it
// has left.
func (e *Echo) watch(ctx context.Context) error {
	recheck := time.NewTicker(e.Recheck)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			if refused, ok := errors.AsType[*verifier.Error](context.Cause(ctx)); ok {
				return refused
			}
			return nil
		case <-recheck.C:
			if err := e.Verifier.Recheck(ctx); err != nil {
				return err
			}
		}
	}
}

func closeStatus(err error) websocket.StatusCode {
	if verifier.AsError(err).Code == verifier.Unavailable {
		return websocket.StatusTryAgainLater // with the same token
	}
	return websocket.StatusPolicyViolation
}
