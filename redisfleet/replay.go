package redisfleet

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// ReplayOptions configure [Replay]. Only Server is required.
type ReplayOptions struct {
	// Server is the Redis or Valkey server: the primary, not a replica. It must not
	// evict keys: "maxmemory-policy noeviction".
	Server Server

	// Name begins the keys: "m2mauth:replay" if empty. Services with the same origin
	// share it.
	Name string

	// Timeout bounds connecting, and each of two attempts: 500 ms if zero.
	Timeout time.Duration
}

// Replay remembers used proofs for all replicas of a service, so that a proof that one
// replica has accepted is refused by the others. It satisfies dpop.Replay.
//
// A proof is one key that expires; SET with NX decides who was first. If a response is
// lost, a second attempt tells a record of its own from another's by its random value,
// so that an honest call is not refused as a replay.
//
// During an outage Seen returns an error, and the call is refused as Unavailable. A
// fail-over, or a restart without an append-only file, may forget proofs: each could
// then be used once more within its minute.
//
// Replay is safe for concurrent use. Close ends its connection.
type Replay struct {
	name   string
	client client
}

const (
	standardReplayName    = "m2mauth:replay"
	standardReplayTimeout = 500 * time.Millisecond
	replayPause           = 200 * time.Millisecond
	maxKeep               = 24 * time.Hour
)

// NewReplay returns a Replay, or an error that reports every mistake in opts. It does
// not connect.
func NewReplay(opts ReplayOptions) (*Replay, error) {
	name, timeout, err := checkShared("ReplayOptions", opts.Server, opts.Name, standardReplayName, opts.Timeout, standardReplayTimeout)
	if err != nil {
		return nil, err
	}
	return &Replay{name: name, client: client{server: opts.Server, timeout: timeout, pause: replayPause}}, nil
}

// Seen records id for at least keep, and reports whether it was recorded before. The
// error means that this is unknown. It needs Redis 7.0 or Valkey, for SET with NX and
// GET.
func (r *Replay) Seen(ctx context.Context, id [32]byte, keep time.Duration) (bool, error) {
	if r == nil || r.name == "" {
		return false, errors.New("redisfleet: the Replay does not come from NewReplay")
	}
	if keep <= 0 || keep > maxKeep {
		return false, fmt.Errorf("redisfleet: a proof can't be kept for %v", keep)
	}
	key := r.name + ":" + base64.RawURLEncoding.EncodeToString(id[:])
	value := rand.Text()
	ms := strconv.FormatInt((keep + time.Millisecond - 1).Milliseconds(), 10)
	result, err := r.client.call(ctx, 2, func(ctx context.Context, c rueidis.Client) rueidis.RedisResult {
		return c.Do(ctx, c.B().Arbitrary("SET").Keys(key).Args(value, "NX", "GET", "PX", ms).Build())
	})
	if err != nil {
		return false, err
	}
	before, err := result.ToString()
	switch {
	case rueidis.IsRedisNil(err):
		return false, nil
	case err != nil:
		return false, r.client.shown(err)
	default:
		return before != value, nil // the first attempt's record, whose response was lost
	}
}

// Close ends the connection. Later calls fail. It returns nil.
func (r *Replay) Close() error {
	if r != nil {
		r.client.close()
	}
	return nil
}
