package redisfleet_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
)

// documentedUsers returns the ACL users of the package's documentation, with a password.
func documentedUsers(t *testing.T) (users []string) {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if user, ok := strings.CutPrefix(line, "//\tuser "); ok {
			users = append(users, "user "+strings.TrimSpace(strings.Replace(user, ">PASSWORD", ">secret", 1)))
		}
	}
	return users
}

// TestLimitsUsers runs Limits and Replay over TLS as the users of the documentation.
func TestLimitsUsers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{TLS: true, Users: append(documentedUsers(t), "user default on nopass ~* +@all")})
	as := func(user string) redisfleet.Server {
		return redisfleet.Server{Addr: s.Addr(), Username: user, Password: "secret", TLS: s.TLS()}
	}
	limits, err := redisfleet.NewLimits(redisfleet.LimitsOptions{Server: as("m2mauth-gateway"), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer limits.Close()
	if wait := take(t, limits, "k", 1, 1, 1); wait != 0 {
		t.Errorf("Take = %v, want 0", wait)
	}
	replay, err := redisfleet.NewReplay(redisfleet.ReplayOptions{Server: as("m2mauth-service"), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer replay.Close()
	seen(t, replay, 1, false)
	seen(t, replay, 1, true)

	// The other one's keys are out of reach.
	wrong, err := redisfleet.NewReplay(redisfleet.ReplayOptions{Server: as("m2mauth-gateway"), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if _, err := wrong.Seen(t.Context(), [32]byte{1}, time.Minute); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Seen as the gateway's user = %v, want NOPERM", err)
	}
	server := as("m2mauth-service")
	server.Password = "not-the-password"
	stranger, err := redisfleet.NewReplay(redisfleet.ReplayOptions{Server: server, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Seen(t.Context(), [32]byte{1}, time.Minute); err == nil || strings.Contains(err.Error(), "not-the-password") {
		t.Errorf("Seen with a wrong password = %v, want an error without it", err)
	}
}
