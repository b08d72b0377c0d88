package resource_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/resource"
)

func TestParse(t *testing.T) {
	const prefix = "https://api.example.com/.well-known/oauth-protected-resource"
	for _, tt := range []struct{ name, id, metadata string }{
		{"an origin", "https://api.example.com", prefix},
		{"a slash", "https://api.example.com/", prefix},
		{"a path", "https://api.example.com/orders", prefix + "/orders"},
		{"a path with a slash", "https://api.example.com/orders/", prefix + "/orders/"},
		{"loopback", "http://127.0.0.1:8080/a", "http://127.0.0.1:8080/.well-known/oauth-protected-resource/a"},
		{"an IPv6 address", "https://[::1]:1/a", "https://[::1]:1/.well-known/oauth-protected-resource/a"},
	} {
		r, err := resource.Parse(tt.id)
		if err != nil || r.MetadataURL() != tt.metadata {
			t.Errorf("Parse(%s) = %q, %v, want %q", tt.name, r.MetadataURL(), err, tt.metadata)
		}
	}
	for _, id := range bad {
		if _, err := resource.Parse(id); err == nil || !strings.Contains(err.Error(), "want an https URL of host and path alone") {
			t.Errorf("Parse(%q) = %v, want an error", id, err)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, origin := range []string{
		"", "https://api.example.com", "https://api.example.com:8443", "https://example.com/api", "https://example.com/a/b",
		"http://localhost:8080", "https://[::1]",
	} {
		if err := resource.CheckOrigin(origin); err != nil {
			t.Errorf("CheckOrigin(%q) = %v, want nil", origin, err)
		}
	}
	for _, origin := range append([]string{"https://api.example.com/", "https://example.com/api/"}, bad...) {
		if origin == "" {
			continue
		}
		if err := resource.CheckOrigin(origin); err == nil || !strings.Contains(err.Error(), "want an https URL of host and prefix alone") {
			t.Errorf("CheckOrigin(%q) = %v, want an error", origin, err)
		}
	}
}

// bad are no identifiers that clients can compare byte for byte.
var bad = []string{
	"", "api", "//api.example.com", "http://api.example.com", "ftp://api.example.com", "https:/api.example.com", "https:api.example.com",
	"https://", "https://:443", "https://api.example.com:", "https://API.example.com", "HTTPS://api.example.com",
	"https://user@api.example.com", "https://api.example.com?a", "https://api.example.com?", "https://api.example.com#a", "https://api.example.com#",
	"https://api.example.com/a/../b", "https://api.example.com//a", "https://api.example.com/%61", "https://api.example.com/{a}",
	"https://api.example.com/\"", `https://api.example.com/\`, "https://api.example.com/ä", "https://api.example.com/a b", "https://api.example.com\n",
}
