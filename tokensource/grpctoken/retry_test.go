package grpctoken_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serviceConfig makes the channel itself attempt a call up to three times.
const serviceConfig = `{"methodConfig": [{"name": [{}], "retryPolicy": {
	"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
	"retryableStatusCodes": ["UNAVAILABLE", "UNAUTHENTICATED"]}}]}`

// TestChannelRetryHasAFreshToken: the credential is made for each attempt of the
// channel, so that one that was replaced between two attempts is not sent again.
func TestChannelRetryHasAFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		source := s.source(t)
		client := s.connect(t, source, nil, grpc.WithDefaultServiceConfig(serviceConfig))
		s.before = func(n int) error {
			if n < 3 {
				if token, err := source.Token(); err == nil {
					source.Replaced(t.Context(), "https://api.example.com", token.AccessToken, 0)
				}
				return status.Error(codes.Unavailable, "busy")
			}
			return nil
		}
		mustCall(t, client)
		s.wantCounts(t, 3, 3)
		if sent := s.attempts(); sent[0] == sent[1] || sent[1] == sent[2] {
			t.Error("a retry of the channel has the token of the attempt before it")
		}
	})
}

// TestChannelRetriesOfARefusal: if the service config retries Unauthenticated, the
// last attempt's token is replaced and the call repeated once.
func TestChannelRetriesOfARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil, grpc.WithDefaultServiceConfig(serviceConfig))
		mustCall(t, client)
		s.revoke()
		mustCall(t, client)
		s.wantCounts(t, 1+3+1, 2)
	})
}

// TestChannelRetriesWithoutToken: a call without a token does not reach the
// service, and the Source decides when to try again.
func TestChannelRetriesWithoutToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.config.TokenURL = "https://login.example.com/none"
		client := s.connect(t, s.source(t), nil, grpc.WithDefaultServiceConfig(serviceConfig))
		if err := call(t, client); status.Code(err) != codes.Unavailable {
			t.Errorf("EmptyCall = %v, want Unavailable", err)
		}
		s.wantCounts(t, 0, 1)
	})
}

// TestHedging: grpc-go ignores a hedging policy today. Once it does not, each
// attempt has its credential all the same.
func TestHedging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil, grpc.WithDefaultServiceConfig(
			`{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "0.01s"}}]}`))
		s.before = func(int) error { time.Sleep(time.Second); return nil }
		mustCall(t, client)
		for _, sent := range s.attempts() {
			if sent == "" {
				t.Error("an attempt has no token")
			}
		}
		if got := s.fetches.Count(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}
