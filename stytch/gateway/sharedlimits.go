package gateway

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Limiter counts requests for several replicas of a gateway. redisfleet.Limits is one.
// Its methods are safe for concurrent use and return soon in an outage, with an error.
type Limiter interface {
	// Take spends n tokens of the bucket of key, and returns 0. The bucket holds at
	// most burst tokens, and gains perSecond. If it holds less than one, Take spends
	// none and returns the time until it does. With n = 0 it only looks.
	//
	// Keys hold addresses and client IDs, and never a secret.
	Take(ctx context.Context, key string, perSecond float64, burst, n int) (wait time.Duration, err error)

	// Charge spends a token of the bucket of key in any case, a future one if
	// necessary.
	Charge(ctx context.Context, key string, perSecond float64, burst int) error
}

// sharedLimits asks the Limiter after the local limits have admitted a request. The
// local limits count in any case: a flood at one replica costs the store nothing, and in
// an outage they know what came before.
type sharedLimits struct {
	limiter              Limiter // nil for none
	perAddress, failures Limit
}

// takeAddress returns the time until the address may send a request; 0 if it may.
func (s *sharedLimits) takeAddress(ctx context.Context, addr netip.Addr, outage *error) time.Duration {
	return s.take(ctx, "address "+addr.String(), s.perAddress, 1, outage)
}

// lookFailures returns the time until the client ID may be tried at the address.
func (s *sharedLimits) lookFailures(ctx context.Context, clientID string, addr netip.Addr, outage *error) time.Duration {
	return s.take(ctx, failureName(clientID, addr), s.failures, 0, outage)
}

// failureName has the address first: it holds no space, and a client ID may.
func failureName(clientID string, addr netip.Addr) string {
	return "failures " + addr.String() + " " + clientID
}

func (s *sharedLimits) take(ctx context.Context, key string, limit Limit, n int, outage *error) time.Duration {
	if s.limiter == nil {
		return 0
	}
	// A client that hangs up must not pass for an outage.
	wait, err := s.limiter.Take(context.WithoutCancel(ctx), key, limit.PerSecond, limit.Burst, n)
	if err != nil {
		*outage = errors.Join(*outage, err)
		return 0
	}
	return wait
}

// chargeFailure counts a failed attempt, also of a client that has hung up.
func (s *sharedLimits) chargeFailure(ctx context.Context, clientID string, addr netip.Addr, outage *error) {
	if s.limiter == nil {
		return
	}
	err := s.limiter.Charge(context.WithoutCancel(ctx), failureName(clientID, addr), s.failures.PerSecond, s.failures.Burst)
	*outage = errors.Join(*outage, err)
}
