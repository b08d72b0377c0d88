package verifier_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestRecheck: Recheck checks again everything that can have changed.
func TestRecheck(t *testing.T) {
	var check atomic.Pointer[func(verifier.Client, verifier.Request) error]
	refuses := func(err error) func(*testing.T, *keyServer, *verifier.Verifier, context.Context) context.Context {
		return func(_ *testing.T, _ *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			f := func(verifier.Client, verifier.Request) error { return err }
			check.Store(&f)
			return ctx
		}
	}
	type then = func(*testing.T, *keyServer, *verifier.Verifier, context.Context) context.Context
	after := func(d time.Duration) then {
		return func(_ *testing.T, _ *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			keytest.Pass(d)
			return ctx
		}
	}
	refreshed := func(change func(*keyServer)) then {
		return func(t *testing.T, s *keyServer, v *verifier.Verifier, ctx context.Context) context.Context {
			change(s)
			if err := v.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			return ctx
		}
	}
	const invalid, unavailable = verifier.InvalidToken, verifier.Unavailable
	tests := []struct {
		name   string
		then   then // what happens between the call and Recheck
		code   verifier.Code
		reason verifier.Reason
	}{
		{"nothing", after(0), 0, ""},
		{"a moment before expiry", after(time.Hour + 30*time.Second - 1), 0, ""},
		{"expiry", after(time.Hour + 30*time.Second), invalid, verifier.Expired},
		{"another key", refreshed(func(s *keyServer) { s.RotateKeys() }), 0, ""},
		{"its key is removed", refreshed(func(s *keyServer) { s.RemoveKey(s.RotateKeys()); s.RotateKeys(); s.RemoveKey(s.Keys()[0]) }), invalid, verifier.KeyRemoved},
		{"another key takes its place", refreshed(func(s *keyServer) {
			k := m2mtest.NewKey("ES256")
			k.ID = s.Keys()[0]
			s.RemoveKey(k.ID)
			s.PublishKey(k)
		}), invalid, verifier.KeyRemoved},
		{"its key is removed and it expires", func(t *testing.T, s *keyServer, v *verifier.Verifier, ctx context.Context) context.Context {
			keytest.Pass(2 * time.Hour)
			return refreshed(func(s *keyServer) { s.RotateKeys(); s.RemoveKey(s.Keys()[0]) })(t, s, v, ctx)
		}, invalid, verifier.KeyRemoved},
		{"an outage", func(_ *testing.T, s *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			s.Now(hangs)
			keytest.Pass(50 * time.Minute)
			return ctx
		}, 0, ""},
		{"an outage that lasts too long", func(_ *testing.T, s *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			s.Now(hangs)
			keytest.Pass(61 * time.Minute)
			return ctx
		}, unavailable, verifier.KeysUnavailable},
		{"revoked", refuses(verifier.Revoked), invalid, verifier.Revoked},
		{"denied", refuses(&verifier.Error{Code: invalid}), invalid, verifier.Denied},
		{"Check fails", refuses(errors.New("no database")), unavailable, verifier.CheckFailed},
		{"Check panics", func(_ *testing.T, _ *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			f := func(verifier.Client, verifier.Request) error { panic("no") }
			check.Store(&f)
			return ctx
		}, unavailable, verifier.Panicked},
		{"the handler changes its copy", func(_ *testing.T, _ *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			f := func(c verifier.Client, _ verifier.Request) error {
				if c.ID != "machine" || c.Scopes.Len() != 1 || c.ExpiresAt.Year() > 2000 {
					return verifier.Revoked
				}
				return nil
			}
			check.Store(&f)
			c, _ := verifier.ClientFromContext(ctx)
			c.ID, c.Scopes, c.ExpiresAt = "root", scopes.Of("admin"), c.ExpiresAt.AddDate(1, 0, 0)
			return verifier.ContextWithClient(ctx, c)
		}, 0, ""},
		{"a planted client", func(_ *testing.T, s *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			c, _ := verifier.ClientFromContext(ctx)
			return verifier.ContextWithClient(ctx, verifier.Client{ID: c.ID, Issuer: c.Issuer, ExpiresAt: c.ExpiresAt, KeyID: c.KeyID})
		}, invalid, verifier.NotVerified},
		{"another Verifier's client", func(t *testing.T, s *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			return s.authorized(t, s.trust(t), spec{})
		}, invalid, verifier.NotVerified},
		{"a client of package m2mtest", func(t *testing.T, s *keyServer, _ *verifier.Verifier, ctx context.Context) context.Context {
			return verifier.ContextWithClient(ctx, s.Authority.Client(spec{}))
		}, invalid, verifier.NotVerified},
		{"no client", func(t *testing.T, _ *keyServer, _ *verifier.Verifier, _ context.Context) context.Context {
			return t.Context()
		}, invalid, verifier.NotVerified},
		{"public", func(t *testing.T, _ *keyServer, v *verifier.Verifier, ctx context.Context) context.Context {
			ctx, err := v.Authorize(ctx, verifier.Request{}, scopes.Public())
			if err != nil {
				t.Fatal(err)
			}
			return ctx
		}, invalid, verifier.NotVerified},
		{"Close", func(_ *testing.T, _ *keyServer, v *verifier.Verifier, ctx context.Context) context.Context {
			v.Close()
			return ctx
		}, unavailable, verifier.Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check.Store(nil)
				s := newKeyServer(t, healthy)
				v := s.trust(t, func(c *verifier.Config) {
					c.Issuers[0].JWKS.MaxStale = time.Hour
					c.Check = func(_ context.Context, client verifier.Client, r verifier.Request) error {
						planted := r.Operation == "" && r.PeerCertificates == nil
						if !planted && (r.Operation != "GET /stream" || len(r.PeerCertificates) != 1) || r.Authorization != nil {
							t.Errorf("Check received %+v", r)
						}
						if f := check.Load(); f != nil {
							return (*f)(client, r)
						}
						return nil
					}
				})
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx := tt.then(t, s, v, s.authorized(t, v, spec{ClientID: "machine", Scopes: []string{"a"}}))
				before, began := s.Fetches(), time.Now()
				err := v.Recheck(ctx)
				if e, ok := errors.AsType[*verifier.Error](err); ok && e.Code != tt.code || reasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
					t.Errorf("%v, want %s", err, tt.reason)
				}
				if s.Fetches() != before || time.Since(began) != 0 {
					t.Error("Recheck fetched, or waited")
				}
			})
		})
	}
}
