package redisfleet

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// LimitsOptions configure [Limits]. Only Server is required.
type LimitsOptions struct {
	// Server is the Redis or Valkey server: the primary, not a replica.
	Server Server

	// Name begins the keys: "m2mauth:limits" if empty. Gateways with the same Name
	// share their limits.
	Name string

	// Timeout bounds connecting, and each question: 250 ms if zero.
	Timeout time.Duration
}

// Limits counts requests for all replicas of a gateway. It satisfies
// gateway.Limiter of stytch/gateway.
//
// Each bucket is one key that expires when the bucket is full again. Keys are hashes:
// they show neither addresses nor client IDs. Time is the store's alone, so that the
// clocks of replicas don't matter.
//
// During an outage every method returns an error, after Timeout at most. For a second
// after that, only one call tries again and the others fail at once. A fail-over may
// forget the last requests.
//
// Limits is safe for concurrent use. Close ends its connection.
type Limits struct {
	name   string
	client client
}

const (
	standardLimitsName    = "m2mauth:limits"
	standardLimitsTimeout = 250 * time.Millisecond
	limitsPause           = time.Second
)

// NewLimits returns Limits, or an error that reports every mistake in opts. It does
// not connect.
func NewLimits(opts LimitsOptions) (*Limits, error) {
	name, timeout, err := checkShared("LimitsOptions", opts.Server, opts.Name, standardLimitsName, opts.Timeout, standardLimitsTimeout)
	if err != nil {
		return nil, err
	}
	return &Limits{name: name, client: client{server: opts.Server, timeout: timeout, pause: limitsPause}}, nil
}

// checkShared returns a name and a timeout with their defaults, and every mistake.
func checkShared(options string, server Server, name, standardName string, timeout, standardTimeout time.Duration) (string, time.Duration, error) {
	var errs []error
	for _, err := range server.check() {
		errs = append(errs, fmt.Errorf("%s.%w", options, err))
	}
	if name == "" {
		name = standardName
	}
	if len(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
		errs = append(errs, fmt.Errorf("%s.Name is %s: want up to 200 visible ASCII characters without braces", options, outbound.Quote(name)))
	}
	if timeout == 0 {
		timeout = standardTimeout
	}
	if timeout < 10*time.Millisecond || timeout > time.Minute {
		errs = append(errs, fmt.Errorf("%s.Timeout is %v: want 10ms to 1m", options, timeout))
	}
	return name, timeout, outbound.Mistakes("redisfleet", errs...)
}

// gcra is the generic cell rate algorithm, as ITU-T I.371 §A has it. The key holds the
// time at which the bucket is full again, in microseconds of the store's clock.
//
// ARGV: the microseconds per token, the burst, the tokens to spend, and 1 to spend them
// in any case. It returns the microseconds until there is a token; 0 if there was one.
//
// A bucket owes at most ten bursts. If the store's clock is set back, nobody is shut
// out for longer than that.
var gcra = rueidis.NewLuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, n, always = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local full = tonumber(redis.call('GET', KEYS[1]) or now)
full = math.max(now, math.min(full, now + 10 * burst * interval))
local wait = full + interval - (now + burst * interval)
if wait > 0 and not always then
	return math.ceil(wait)
end
if n > 0 then
	full = math.min(full + n * interval, now + 10 * burst * interval)
	redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil((full - now) / 1000) + 1000)
end
return 0
`)

// Take spends n tokens of the bucket of key, and returns 0. The bucket holds at most
// burst tokens, and gains perSecond. If it holds less than one, Take spends none and
// returns the time until it does. With n = 0 it only looks.
func (l *Limits) Take(ctx context.Context, key string, perSecond float64, burst, n int) (wait time.Duration, err error) {
	return l.run(ctx, key, perSecond, burst, n, "0")
}

// Charge spends a token of the bucket of key in any case, a future one if necessary.
func (l *Limits) Charge(ctx context.Context, key string, perSecond float64, burst int) error {
	_, err := l.run(ctx, key, perSecond, burst, 1, "1")
	return err
}

func (l *Limits) run(ctx context.Context, key string, perSecond float64, burst, n int, always string) (time.Duration, error) {
	if l == nil || l.name == "" {
		return 0, errors.New("redisfleet: Limits do not come from NewLimits")
	}
	interval := 1e6 / perSecond
	if !(perSecond > 0) || math.IsInf(perSecond, 0) || burst < 1 || n < 0 || n > burst || interval*float64(burst) > 1e13 {
		return 0, fmt.Errorf("redisfleet: a limit of %v per second and %d at once, or a cost of %d, can't be counted", perSecond, burst, n)
	}
	args := []string{strconv.FormatFloat(interval, 'f', -1, 64), strconv.Itoa(burst), strconv.Itoa(n), always}
	result, err := l.client.call(ctx, 1, func(ctx context.Context, c rueidis.Client) rueidis.RedisResult {
		return gcra.Exec(ctx, c, []string{hashedKey(l.name, key)}, args)
	})
	if err != nil {
		return 0, err
	}
	microseconds, err := result.AsInt64()
	if err != nil {
		return 0, l.client.shown(err)
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}

// hashedKey returns the key of the store for a name that it must not show.
func hashedKey(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Close ends the connection. Later calls fail. It returns nil.
func (l *Limits) Close() error {
	if l != nil {
		l.client.close()
	}
	return nil
}
