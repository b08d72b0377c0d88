package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestPeers checks that all peers make the same checks. Otherwise their figures could
// not be compared.
func TestPeers(t *testing.T) {
	past := time.Now().Add(-2 * time.Hour)
	scopes := []string{scope}
	for _, algorithm := range algorithms {
		trust := newTrust(algorithm)
		stranger := m2mtest.NewKey(algorithm)
		bad := *stranger
		bad.ID = trust.key.ID
		tests := []struct {
			name  string
			token string
		}{
			{"expired", trust.token(m2mtest.TokenSpec{Scopes: scopes, IssuedAt: past, TTL: time.Hour})},
			{"without an expiry", trust.token(m2mtest.TokenSpec{Scopes: scopes, Claims: map[string]any{"exp": m2mtest.Absent}})},
			{"of another audience", trust.token(m2mtest.TokenSpec{Scopes: scopes, Audience: []string{"project-test-other"}})},
			{"of another issuer", trust.token(m2mtest.TokenSpec{Scopes: scopes, Issuer: issuer + "0"})},
			{"with a bad signature", trust.token(m2mtest.TokenSpec{Scopes: scopes, Key: &bad})},
			{"of an unknown key", trust.token(m2mtest.TokenSpec{Scopes: scopes, Key: stranger})},
			{"without a scope", trust.token(m2mtest.TokenSpec{})},
			{"with another scope", trust.token(m2mtest.TokenSpec{Scopes: []string{scope + "s"}})},
		}
		for _, p := range peers() {
			t.Run(algorithm+" "+p.name, func(t *testing.T) {
				verify, err := p.build(trust)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // once again, for the sake of those that remember
					subject, err := verify(t.Context(), trust.good())
					if err != nil {
						t.Errorf("the good token is refused: %v", err)
					}
					if p.name != raw && subject != clientID {
						t.Errorf("subject %q, want %q", subject, clientID)
					}
				}
				for _, tt := range tests {
					if p.name == raw && tt.name != "with a bad signature" {
						continue
					}
					if _, err := verify(t.Context(), tt.token); err == nil {
						t.Errorf("a token %s is accepted", tt.name)
					}
				}
			})
		}
	}
}

// TestTokenLength checks that all tokens have about the same length.
func TestTokenLength(t *testing.T) {
	for _, algorithm := range algorithms {
		if n := len(newTrust(algorithm).good()); n < tokenBytes-20 || n > tokenBytes+20 {
			t.Errorf("%s: %d bytes, want about %d", algorithm, n, tokenBytes)
		}
	}
}

// TestPeersDiffer checks that each name stands for one peer.
func TestPeersDiffer(t *testing.T) {
	var names []string
	for _, p := range peers() {
		if p.name == "" || strings.Contains(p.name, "|") || slices.Contains(names, p.name) {
			t.Errorf("name %q", p.name)
		}
		names = append(names, p.name)
	}
}
