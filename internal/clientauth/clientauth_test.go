package clientauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func request() *Request { return &Request{Form: url.Values{}, Header: http.Header{}} }

func TestStyle(t *testing.T) {
	both := []string{"private_key_jwt", "client_secret_post", "client_secret_basic"}
	for _, tt := range []struct {
		name         string
		server       Server
		secret       string
		first, other Style
		wantErr      string
	}{
		{"configured", Server{Style: Post, Methods: []string{"client_secret_basic"}}, "s", Post, "", ""},
		{"no metadata", Server{}, "s", Basic, Post, ""},
		{"both", Server{Methods: both}, "s", Basic, Post, ""},
		{"both, and a secret that Basic encodes", Server{Methods: both}, "s/s", Post, Basic, ""},
		{"Basic alone", Server{Methods: []string{"client_secret_basic"}}, "s/s", Basic, "", ""},
		{"post alone", Server{Methods: []string{"client_secret_post"}}, "s", Post, "", ""},
		{"neither", Server{Methods: []string{"none", "tls_client_auth"}}, "s", "", "", `["none" "tls_client_auth"]`},
		{"an empty list", Server{Methods: []string{}}, "s", "", "", "lists []"},
	} {
		first, other, err := tt.server.style("id", tt.secret)
		if first != tt.first || other != tt.other || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%s: style = %q, %q, %v, want %q, %q, %q", tt.name, first, other, err, tt.first, tt.other, tt.wantErr)
		}
	}
}

// TestVersion: equal for equal credentials, and for no others.
func TestVersion(t *testing.T) {
	used := func(id, secret string) Used {
		u, err := Add(t.Context(), Secret(func(context.Context) (string, string, error) { return id, secret, nil }), Server{}, request())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	a := used("ab", "c")
	if b := used("ab", "c"); b.Version != a.Version || b.ClientID != "ab" {
		t.Errorf("Add(the same) = %v, want the same version", b)
	}
	for _, pair := range [][2]string{{"a", "bc"}, {"ab", "d"}, {"abc", "c"}} {
		if used(pair[0], pair[1]).Version == a.Version {
			t.Errorf("Add(%v) has the version of ab and c", pair)
		}
	}
}

// TestAddFails: an error names its origin, and a panic's value is not shown.
func TestAddFails(t *testing.T) {
	for name, f := range map[string]Secret{
		"credentials panicked": func(context.Context) (string, string, error) { panic("hunter2") },
		"credentials: empty":   func(context.Context) (string, string, error) { return "", "hunter2", nil },
	} {
		r := request()
		_, err := Add(t.Context(), f, Server{}, r)
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "hunter2") || len(r.Form)+len(r.Header) > 0 {
			t.Errorf("Add = %v with %v, want %q and an unchanged request", err, r, name)
		}
	}
}
