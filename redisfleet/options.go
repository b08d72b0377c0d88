package redisfleet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// Options configure [Revocations] and a [Publisher]. Only Server is required.
type Options struct {
	// Server is the Redis or Valkey server: the primary, not a replica.
	Server Server

	// Name names the keys of the cut-offs: "m2mauth:revocations" if empty. They are
	// {Name}, {Name}:seen, {Name}:lost and {Name}:published, with the braces, so that
	// a cluster keeps them in one slot.
	Name string

	// Replica names this process in the report of [Publisher.Seen]: host name,
	// process ID and a random part if empty. Two replicas must not share a name. Not
	// used by a Publisher.
	Replica string

	// MinReplicas requires that many replicas of the server to acknowledge what was
	// written: by a Publisher, before it is safe, and by Revocations in every round,
	// before it confirms the view. With 0, an isolated old primary confirms, and a
	// fail-over may lose a cut-off unseen. At least 1 if there are replicas.
	MinReplicas int

	// MaxEntries bounds the entries that are read: 1,000,000 if zero. With more, there
	// is no view.
	MaxEntries int

	// MaxTokenLife is the longest life of a token: 24 h if zero. It must be the same
	// as revocation.Config.MaxTokenLife, or longer. Used by a Publisher alone.
	MaxTokenLife time.Duration

	// Timeout bounds dialing, and every response: 2 s if zero.
	Timeout time.Duration

	// InsecureWithoutAOF publishes to a server that does not report an append-only
	// file. If such a server restarts, its cut-offs are lost.
	InsecureWithoutAOF bool
}

const (
	standardName       = "m2mauth:revocations"
	standardTimeout    = 2 * time.Second
	standardMaxEntries = 1_000_000
	standardLife       = 24 * time.Hour
	maxReplicaName     = 200
)

func (o Options) withDefaults() (Options, error) {
	errs := o.Server.check()
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Options."+format, args...)) }
	if o.Name == "" {
		o.Name = standardName
	}
	if len(o.Name) > 200 || strings.ContainsFunc(o.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
		mistake("Name is %s: want up to 200 visible ASCII characters without braces", outbound.Quote(o.Name))
	}
	if o.Replica == "" {
		host, _ := os.Hostname()
		o.Replica = fmt.Sprintf("%.100s-%d-%.8s", host, os.Getpid(), strings.ToLower(rand.Text()))
	}
	if len(o.Replica) > maxReplicaName || strings.ContainsFunc(o.Replica, func(r rune) bool { return r <= ' ' || r > '~' }) {
		mistake("Replica is %s: want up to %d visible ASCII characters", outbound.Quote(o.Replica), maxReplicaName)
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = standardMaxEntries
	}
	if o.MaxTokenLife == 0 {
		o.MaxTokenLife = standardLife
	}
	if o.Timeout == 0 {
		o.Timeout = standardTimeout
	}
	if o.MinReplicas < 0 {
		mistake("MinReplicas is %d: want 0 or more", o.MinReplicas)
	}
	if o.MaxEntries < 0 {
		mistake("MaxEntries is %d: want a positive number", o.MaxEntries)
	}
	if o.MaxTokenLife < time.Minute || o.MaxTokenLife > 366*24*time.Hour {
		mistake("MaxTokenLife is %v: want 1m to 8784h", o.MaxTokenLife)
	}
	if o.Timeout < 10*time.Millisecond || o.Timeout > time.Minute {
		mistake("Timeout is %v: want 10ms to 1m", o.Timeout)
	}
	return o, outbound.Mistakes("redisfleet", errs...)
}

// The keys. The braces keep them in one slot of a cluster.
func (o *Options) stream() string    { return "{" + o.Name + "}" }
func (o *Options) seen() string      { return "{" + o.Name + "}:seen" }
func (o *Options) lost() string      { return "{" + o.Name + "}:lost" }
func (o *Options) published() string { return "{" + o.Name + "}:published" }

// The errors of Revocations and of a Publisher. An error that matches none of them
// comes from the connection, or from the server.
var (
	// ErrNotInitialized reports that the stream is missing, or does not begin with its
	// opening entry: [Publisher.Init] was not called, or the stream was deleted.
	ErrNotInitialized = errors.New("redisfleet: the stream of cut-offs is not initialized")

	// ErrLost reports that the store has lost cut-offs which a replica holds, so that
	// new replicas would accept what others refuse: [Publisher.Restore] is needed.
	ErrLost = errors.New("redisfleet: the store has lost cut-offs")

	// ErrNotSafe reports that the server may lose what is published, or is not the
	// one that replicas follow.
	ErrNotSafe = errors.New("redisfleet: the server is not safe")

	// ErrNotUnderstood reports an entry that this program cannot read, perhaps of a
	// newer version. All others count; the view is not confirmed.
	ErrNotUnderstood = errors.New("redisfleet: the stream has an entry that is not understood")

	// ErrTooMany reports more entries than Options.MaxEntries.
	ErrTooMany = errors.New("redisfleet: the stream has too many entries")
)
