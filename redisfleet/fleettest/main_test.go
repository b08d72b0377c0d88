package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
)

// TestMain runs the tests, or a replica of the fleet that a test has started.
func TestMain(m *testing.M) {
	if os.Getenv(replicaEnv) != "" {
		os.Exit(replicaMain())
	}
	os.Exit(m.Run())
}

// TestFleet is the command in short. Latencies are logged, and not asserted.
func TestFleet(t *testing.T) {
	cfg := config{replicas: 4, rounds: 5, recoveries: 1, machines: 2, down: time.Second, pause: 20 * time.Millisecond}
	r, err := run(t.Context(), cfg, redistest.Start(t, redistest.Options{AOF: true}))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	r.print(&text)
	t.Log(text.String())
	for _, lost := range r.lost {
		t.Error(lost)
	}
	if len(r.last) != cfg.rounds || len(r.inForce) != cfg.recoveries {
		t.Errorf("%d rounds and %d recoveries were measured, want %d and %d", len(r.last), len(r.inForce), cfg.rounds, cfg.recoveries)
	}
	if got, want := r.streams, (cfg.rounds+cfg.recoveries)*cfg.replicas; got != want {
		t.Errorf("%d streams of the thief have ended, want %d", got, want)
	}
	if got, want := r.replaced, cfg.rounds+cfg.recoveries; got != want {
		t.Errorf("%d machines have got another token, want %d", got, want)
	}
	if r.calls["HTTP"] == 0 || r.calls["gRPC"] == 0 {
		t.Errorf("honest calls = %v, want some over HTTP and some over gRPC", r.calls)
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		name   string
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{"none", nil, 0.5, 0},
		{"one", hundred[:1], 0.5, 100},
		{"median", hundred, 0.5, 50},
		{"p99", hundred, 0.99, 99},
		{"max", hundred, 1, 100},
	} {
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("%s: quantile(%v) = %v, want %v", tt.name, tt.q, got, tt.want)
		}
	}
}
