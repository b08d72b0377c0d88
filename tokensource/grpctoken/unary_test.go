package grpctoken_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
)

func TestOneTokenForManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		for range 3 {
			mustCall(t, client)
		}
		s.wantCounts(t, 3, 1)
	})
}

// TestRefusedTokenIsReplaced: the caller sees no refusal, and the new token is of
// a later second than the old one.
func TestRefusedTokenIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		mustCall(t, client)
		s.revoke()
		var trailer metadata.MD
		reply, err := client.EmptyCall(t.Context(), &testpb.Empty{}, grpc.Trailer(&trailer))
		if err != nil || reply == nil {
			t.Fatalf("EmptyCall = %v, %v, want a reply", reply, err)
		}
		if len(trailer["www-authenticate"]) != 0 {
			t.Errorf("trailer = %v, want that of the repeated call", trailer)
		}
		s.wantCounts(t, 3, 2)
		if len(s.issued) != 2 {
			t.Errorf("accepted tokens were issued at %v, want two seconds", s.issued)
		}
	})
}

// TestServiceThatRefusesEverything: replacements stop when the budget is spent, and
// the refusals stand.
func TestServiceThatRefusesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.all = true
		client := s.connect(t, s.source(t), nil)
		for range 10 {
			if err := call(t, client); status.Code(err) != codes.Unauthenticated {
				t.Fatalf("EmptyCall = %v, want Unauthenticated", err)
			}
		}
		s.wantCounts(t, 10+3, 1+3)
		time.Sleep(time.Minute)
		for range 10 {
			call(t, client)
		}
		s.wantCounts(t, 20+4, 1+4)
		s.set(func() { s.all = false })
		mustCall(t, client)
	})
}

// TestWhatIsNoRefusal: neither the status nor its details refuse a token, and
// neither does another challenge.
func TestWhatIsNoRefusal(t *testing.T) {
	foreign, err := status.New(codes.Unauthenticated, "the access token is not valid").WithDetails(
		&errdetails.ErrorInfo{Reason: "ACCESS_TOKEN_INVALID", Domain: "m2mauth"}, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		err     error
		trailer string
	}{
		{"Unauthenticated of another service, handed on", foreign.Err(), ""},
		{"a challenge for more scopes", status.Error(codes.PermissionDenied, "no"), `Bearer error="insufficient_scope", scope="a"`},
		{"a challenge without an error", foreign.Err(), `Bearer realm="api"`},
		{"the error in another parameter", foreign.Err(), `Bearer realm="error=\"invalid_token\""`},
		{"a malformed challenge", foreign.Err(), `Bearer error="invalid_token`},
		{"another scheme", foreign.Err(), `Basic error="invalid_token"`},
		{"an outage", status.Error(codes.Unavailable, "down"), ""},
		{"a success", nil, `Bearer error="invalid_token"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				if tc.trailer != "" {
					s.trailer = metadata.Pairs("www-authenticate", tc.trailer)
				}
				s.handle = func(int) error { return tc.err }
				client := s.connect(t, s.source(t), nil)
				for range 2 {
					if err := call(t, client); status.Code(err) != status.Code(tc.err) {
						t.Errorf("EmptyCall = %v, want %v", err, tc.err)
					}
				}
				s.wantCounts(t, 2, 1)
			})
		})
	}
}

// TestRetryDelay: a refusal's delay is waited for, up to 5 s. The metadata of the
// service come ahead of RetryInfo, which may have been handed on.
func TestRetryDelay(t *testing.T) {
	for _, tc := range []struct {
		name     string
		pushback string
		info     time.Duration
		want     time.Duration
	}{
		{"none", "", 0, time.Second},
		{"RetryInfo", "", 3 * time.Second, 3 * time.Second},
		{"RetryInfo below a second", "", time.Millisecond, time.Second},
		{"RetryInfo too long", "", time.Hour, 5 * time.Second},
		{"negative RetryInfo", "", -time.Hour, time.Second},
		{"metadata", "2500", 0, 2500 * time.Millisecond},
		{"both", "2500", time.Hour, 2500 * time.Millisecond},
		{"metadata that forbid a retry", "-1", 0, time.Second},
		{"malformed metadata", "soon", 3 * time.Second, 3 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				s.trailer = metadata.Pairs("www-authenticate", `Bearer error="invalid_token"`)
				if tc.pushback != "" {
					s.trailer.Append("grpc-retry-pushback-ms", tc.pushback)
				}
				st := status.New(codes.Unauthenticated, "revoked")
				if tc.info != 0 {
					st, _ = st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(tc.info)})
				}
				s.handle = func(n int) error {
					if n == 1 {
						return st.Err()
					}
					return nil
				}
				client := s.connect(t, s.source(t), nil)
				mustCall(t, client)
				s.wantCounts(t, 2, 2)
				if got := s.served[1].Sub(s.served[0]); got != tc.want {
					t.Errorf("repeated after %v, want %v", got, tc.want)
				}
			})
		})
	}
}

// TestCallsShareAReplacement: many calls with one refused token cause one fetch.
func TestCallsShareAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		mustCall(t, client)
		s.revoke()
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if err := call(t, client); err != nil {
					t.Errorf("EmptyCall = %v, want success", err)
				}
			})
		}
		calls.Wait()
		if got := s.fetches.Count(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
	})
}

// TestNoReplacement: without another token the refusal stands, and the old token
// is kept for a service that accepts it.
func TestNoReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		mustCall(t, client)
		s.revoke()
		s.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint})
		if err := call(t, client); status.Code(err) != codes.Unauthenticated {
			t.Errorf("EmptyCall = %v, want Unauthenticated", err)
		}
		s.wantCounts(t, 2, 2)
		s.restore()
		mustCall(t, client)
		s.wantCounts(t, 3, 2)
	})
}

func TestNoRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), &grpctoken.Options{NoRepeat: true})
		mustCall(t, client)
		s.revoke()
		if err := call(t, client); status.Code(err) != codes.Unauthenticated {
			t.Errorf("EmptyCall = %v, want Unauthenticated", err)
		}
		mustCall(t, client) // waits for the new token
		s.wantCounts(t, 3, 2)
	})
}

// TestOriginsAreApart: a refusal of one service does not hold up calls to another.
func TestOriginsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		source := s.source(t)
		refusing, other := s.connect(t, source, nil), s.connect(t, source, nil, grpc.WithAuthority("other.example.com"))
		mustCall(t, refusing)
		s.revoke()
		go call(t, refusing)
		synctest.Wait() // for the replacement
		s.restore()
		began := time.Now()
		mustCall(t, other)
		if took := time.Since(began); took != 0 {
			t.Errorf("a call to another service took %v, want 0", took)
		}
		time.Sleep(2 * time.Second)
		s.wantCounts(t, 4, 2)
	})
}

// TestNoToken: a call without a token is Unavailable and wraps the Source's error.
func TestNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint})
		client := s.connect(t, s.source(t), nil)
		err := call(t, client)
		if status.Code(err) != codes.Unavailable {
			t.Errorf("EmptyCall = %v, want Unavailable", err)
		}
		var retrieve *oauth2.RetrieveError
		if !errors.As(err, &retrieve) || retrieve.Response.StatusCode != 503 {
			t.Errorf("EmptyCall = %v, want a RetrieveError with 503 in it", err)
		}
		s.wantCounts(t, 0, 1)
	})
}

// TestEndedContexts: a call ends with its context while it waits for a token, and
// for a replacement.
func TestEndedContexts(t *testing.T) {
	for _, tc := range []struct {
		name    string
		end     func(context.Context) (context.Context, context.CancelFunc)
		want    codes.Code
		replace bool
	}{
		{"cancelled", soonCancelled, codes.Canceled, false},
		{"past its deadline", soonPast, codes.DeadlineExceeded, false},
		{"cancelled, replacing", soonCancelled, codes.Canceled, true},
		{"past its deadline, replacing", soonPast, codes.DeadlineExceeded, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				client := s.connect(t, s.source(t), nil)
				if tc.replace {
					mustCall(t, client)
					s.revoke()
				}
				s.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint, Hang: true})
				ctx, cancel := tc.end(t.Context())
				defer cancel()
				_, err := client.EmptyCall(ctx, &testpb.Empty{})
				if status.Code(err) != tc.want {
					t.Errorf("EmptyCall = %v, want %v", err, tc.want)
				}
				s.authority.Restore()
			})
		})
	}
}

func soonPast(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*time.Second)
}

func soonCancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(2*time.Second, cancel)
	return ctx, cancel
}

func TestClosedSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		source := s.source(t)
		client := s.connect(t, source, nil)
		source.Close()
		err := call(t, client)
		if status.Code(err) != codes.Unavailable || !errors.Is(err, tokensource.ErrClosed) {
			t.Errorf("EmptyCall = %v, want Unavailable and ErrClosed", err)
		}
	})
}

// TestErrorsHoldNoToken: neither a refusal nor a failed fetch repeats the token or
// the secret.
func TestErrorsHoldNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		source := s.source(t)
		client := s.connect(t, source, nil)
		token, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		s.all = true
		texts := []string{call(t, client).Error()}
		s.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint, Body: token.AccessToken})
		texts = append(texts, call(t, client).Error())
		time.Sleep(2 * time.Hour) // the token has expired
		texts = append(texts, call(t, client).Error())
		for _, text := range texts {
			if strings.Contains(text, token.AccessToken) || strings.Contains(text, "eyJ") {
				t.Errorf("an error holds the token: %s", text)
			}
		}
	})
}

func TestNilSource(t *testing.T) {
	if options, err := grpctoken.DialOptions(nil, nil); err == nil || options != nil {
		t.Errorf("DialOptions(nil, nil) = %v, %v, want an error", options, err)
	}
}
