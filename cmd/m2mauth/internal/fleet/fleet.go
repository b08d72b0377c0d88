// Package fleet implements the command "m2mauth fleet", and opens the store that the
// replicas follow for the other commands.
package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
)

// Usage describes the flags.
const Usage = `The Redis or Valkey server that the replicas follow:
  -redis URL             rediss://HOST:PORT, or redis://HOST:PORT on loopback
  -redis-file FILE       a file with the URL, which may hold user and password;
                         $M2MAUTH_REDIS by default
  -redis-ca FILE         the certificates of a private CA, PEM
  -redis-name NAME       redisfleet.Options.Name, if the services set it
  -min-replicas N        how many replicas of the server must acknowledge; 0 by
                         default, which is for a server without replicas
  -token-life DURATION   the longest life of a token; 24h by default
  -insecure-plaintext    no TLS to a host that is not loopback
  -insecure-without-aof  a server that may forget what is published
`

// Flags describe the store.
type Flags struct {
	redis, file, ca, name string
	minReplicas           int
	tokenLife             time.Duration
	plaintext, withoutAOF bool
}

// Register adds the flags.
func (f *Flags) Register(fs *flag.FlagSet) {
	fs.StringVar(&f.redis, "redis", "", "")
	fs.StringVar(&f.file, "redis-file", "", "")
	fs.StringVar(&f.ca, "redis-ca", "", "")
	fs.StringVar(&f.name, "redis-name", "", "")
	fs.IntVar(&f.minReplicas, "min-replicas", 0, "")
	fs.DurationVar(&f.tokenLife, "token-life", 0, "")
	fs.BoolVar(&f.plaintext, "insecure-plaintext", false, "")
	fs.BoolVar(&f.withoutAOF, "insecure-without-aof", false, "")
}

// options returns redisfleet's Options. Its errors show no part of the URL.
func (f *Flags) options() (redisfleet.Options, error) {
	fail := func(text string) (redisfleet.Options, error) { return redisfleet.Options{}, errors.New(text) }
	raw := os.Getenv("M2MAUTH_REDIS")
	switch {
	case f.redis != "" && f.file != "":
		return fail("-redis and -redis-file: choose one")
	case f.redis != "":
		if u, err := url.Parse(f.redis); err == nil && u.User != nil {
			return fail("-redis holds a user or a password, which others could see: write the URL to -redis-file")
		}
		raw = f.redis
	case f.file != "":
		var err error
		if raw, err = operate.ReadSecret("-redis-file", f.file); err != nil {
			return redisfleet.Options{}, err
		}
	case raw == "":
		return fail("-redis, -redis-file and $M2MAUTH_REDIS are missing: write where the replicas find cut-offs")
	}
	server, err := redisfleet.ParseServer(raw)
	if err != nil {
		return redisfleet.Options{}, err
	}
	server.InsecurePlaintext = f.plaintext
	if f.ca != "" {
		pem, err := operate.ReadSecret("-redis-ca", f.ca)
		if err != nil {
			return redisfleet.Options{}, err
		}
		roots := x509.NewCertPool()
		switch {
		case !roots.AppendCertsFromPEM([]byte(pem)):
			return fail("-redis-ca: the file holds no certificate")
		case server.TLS == nil:
			return fail("-redis-ca is for rediss://")
		}
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}
	return redisfleet.Options{
		Server: server, Name: f.name, MinReplicas: f.minReplicas, MaxTokenLife: f.tokenLife, InsecureWithoutAOF: f.withoutAOF,
	}, nil
}

// Open returns the Fleet of the flags. It does not connect.
func (f *Flags) Open() (operate.Fleet, error) {
	opts, err := f.options()
	if err != nil {
		return nil, err
	}
	p, err := redisfleet.NewPublisher(opts)
	if err != nil {
		return nil, err
	}
	return store{p}, nil
}

// store is the Fleet of a redisfleet.Publisher.
type store struct{ publisher *redisfleet.Publisher }

// Publish implements operate.Fleet.
func (s store) Publish(ctx context.Context, c revocation.Cutoff) (string, error) {
	receipt, err := s.publisher.Publish(ctx, c)
	if err == nil && receipt.Lost {
		err = errLost
	}
	return receipt.ID, advise(err)
}

// nowhere is the position before every entry.
const nowhere = "0-0"

// Seen implements operate.Fleet.
func (s store) Seen(ctx context.Context, position string) (operate.Seen, error) {
	if position == "" {
		position = nowhere
	}
	seen, err := s.publisher.Seen(ctx, position)
	if err != nil {
		return operate.Seen{}, advise(err)
	}
	return operate.Seen{Have: names(seen.Have), Missing: names(seen.Missing), Silent: names(seen.Silent)}, nil
}

func names(replicas []redisfleet.Replica) []string {
	list := make([]string, len(replicas))
	for i, r := range replicas {
		list[i] = r.Name
	}
	return list
}

var errLost = fmt.Errorf("%w that replicas hold", redisfleet.ErrLost)

// advise adds to an error what the operator can do.
func advise(err error) error {
	switch {
	case errors.Is(err, redisfleet.ErrNotInitialized):
		return fmt.Errorf("%w\nIf the store is new: m2mauth fleet init. If the replicas have followed it before, it was\n"+
			"erased: m2mauth fleet init, and then m2mauth fleet restore", err)
	case errors.Is(err, redisfleet.ErrLost):
		return fmt.Errorf("%w\nReplicas that start now refuse every call, until m2mauth fleet restore", err)
	}
	return err
}
