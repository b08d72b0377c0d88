package httpmw

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
)

// TestRequestOfAProof: the values to compare with a DPoP proof come from the
// configuration and the request line, and are set only if there is a proof.
func TestRequestOfAProof(t *testing.T) {
	const origin = "https://api.example.com/v1"
	for _, tt := range []struct {
		name, origin, target string
		proofs               []string
		want                 string // method, origin and path
	}{
		{"a proof", origin, "/orders/7?q=/x", []string{"a.b.c"}, "GET " + origin + " /orders/7"},
		{"two proofs", origin, "/orders", []string{"a", "b"}, "GET " + origin + " /orders"},
		{"an empty proof", origin, "/orders", []string{""}, "GET " + origin + " /orders"},
		{"an encoded path", origin, "/a%2Fb/%7e//c/../d", []string{"a"}, "GET " + origin + " /a%2Fb/%7e//c/../d"},
		{"an absolute target", origin, "http://evil.example/orders?q", []string{"a"}, "GET " + origin + " /orders"},
		{"an absolute target without a path", origin, "http://evil.example?q=/x", []string{"a"}, "GET " + origin + " /"},
		{"an asterisk", origin, "*", []string{"a"}, "GET " + origin + " "},
		{"an authority", origin, "evil.example:443", []string{"a"}, "GET " + origin + " "},
		{"no request line", origin, "", []string{"a"}, "GET " + origin + " "},
		{"no proof", origin, "/orders", nil, "  "},
		{"no origin", "", "/orders", []string{"a"}, "  "},
	} {
		m := &Middleware{opts: Options{Origin: tt.origin}}
		r := httptest.NewRequest("GET", "/other", nil)
		r.RequestURI, r.Host = tt.target, "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		for _, proof := range tt.proofs {
			r.Header.Add("DPoP", proof)
		}
		got := m.request(r, "op")
		if text := fmt.Sprintf("%s %s %s", got.Method, got.Origin, got.Path); text != tt.want {
			t.Errorf("request(%s) = %q, want %q", tt.name, text, tt.want)
		}
		proofs := tt.proofs
		if tt.origin == "" {
			proofs = nil
		}
		if !slices.Equal(got.DPoP, proofs) {
			t.Errorf("request(%s).DPoP = %q, want %q", tt.name, got.DPoP, proofs)
		}
	}
}
