package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch/gateway"
)

func TestProxiesClientAddr(t *testing.T) {
	trusted := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.10/32"),
		netip.MustParsePrefix("2001:db8:f::/48"), netip.MustParsePrefix("::ffff:172.16.0.0/108"),
	}
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	for _, tt := range []struct {
		name, header string
		remote       string
		fields       []string
		want         string
	}{
		{"one proxy", xff, "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"no header", xff, "10.0.0.1:1", nil, "10.0.0.1"},
		{"an empty header", xff, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"no proxy, and a claim", xff, "203.0.113.5:1", []string{"198.51.100.7"}, "203.0.113.5"},
		{"a claim before the proxy's word", xff, "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"},
		{"a claim of a trusted address", xff, "10.0.0.1:1", []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		{"a claim in a field of its own", xff, "10.0.0.1:1", []string{"1.1.1.1", "198.51.100.7"}, "198.51.100.7"},
		{"two proxies", xff, "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.7, 192.0.2.10"}, "198.51.100.7"},
		{"two proxies, two fields", xff, "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.7", "192.0.2.10"}, "198.51.100.7"},
		{"proxies all the way", xff, "10.0.0.1:1", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		{"more hops than there can be", xff, "10.0.0.1:1", []string{"198.51.100.7," + strings.Repeat("10.0.0.2,", 99) + "10.0.0.2"}, "10.0.0.2"},
		{"a mapped proxy", xff, "[::ffff:10.0.0.1]:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a mapped prefix", xff, "172.16.0.9:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a mapped client", xff, "10.0.0.1:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"an IPv6 proxy", xff, "[2001:db8:f::1%eth0]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"a port", xff, "10.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"IPv6", xff, "10.0.0.1:1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", xff, "10.0.0.1:1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a port", xff, "10.0.0.1:1", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"a zone", xff, "10.0.0.1:1", []string{"fe80::7%eth0"}, "fe80::7"},
		{"a zone with a port", xff, "10.0.0.1:1", []string{"[fe80::7%25eth0]:4711"}, "fe80::7"},
		{"white space", xff, "10.0.0.1:1", []string{" 1.1.1.1 ,\t198.51.100.7 "}, "198.51.100.7"},
		{"garbage", xff, "10.0.0.1:1", []string{"1.1.1.1, nonsense"}, "10.0.0.1"},
		{"an empty element", xff, "10.0.0.1:1", []string{"198.51.100.7,"}, "10.0.0.1"},
		{"unknown", xff, "10.0.0.1:1", []string{"1.1.1.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"IPv4 in brackets", xff, "10.0.0.1:1", []string{"[198.51.100.7]"}, "10.0.0.1"},
		{"a port too large", xff, "10.0.0.1:1", []string{"198.51.100.7:99999"}, "10.0.0.1"},
		{"leading zeros", xff, "10.0.0.1:1", []string{"198.051.100.007"}, "10.0.0.1"},
		{"a decimal address", xff, "10.0.0.1:1", []string{"3325256711"}, "10.0.0.1"},
		{"a hexadecimal address", xff, "10.0.0.1:1", []string{"0xc6336407"}, "10.0.0.1"},
		{"a name", xff, "10.0.0.1:1", []string{"localhost"}, "10.0.0.1"},
		{"the other header", xff, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"no connection address", xff, "@", []string{"198.51.100.7"}, "invalid IP"},

		{"RFC 7239: one proxy", fwd, "10.0.0.1:1", []string{`for=198.51.100.7`}, "198.51.100.7"},
		{"RFC 7239: all parameters", fwd, "10.0.0.1:1", []string{`for=198.51.100.7;proto=http;by=203.0.113.43`}, "198.51.100.7"},
		{"RFC 7239: for in the middle", fwd, "10.0.0.1:1", []string{`proto=https; FOR="198.51.100.7:80" ;host="a,b;c"`}, "198.51.100.7"},
		{"RFC 7239: IPv6", fwd, "10.0.0.1:1", []string{`For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{"RFC 7239: IPv6 without quotes", fwd, "10.0.0.1:1", []string{`for=[2001:db8:cafe::17]`}, "2001:db8:cafe::17"},
		{"RFC 7239: a claim", fwd, "10.0.0.1:1", []string{`for=1.1.1.1, for=198.51.100.7`}, "198.51.100.7"},
		{"RFC 7239: two proxies", fwd, "10.0.0.1:1", []string{`for=1.1.1.1, for=198.51.100.7, for="192.0.2.10:443"`}, "198.51.100.7"},
		{"RFC 7239: an open quote before the proxy's word", fwd, "10.0.0.1:1", []string{`for=1.1.1.1;x=", for=198.51.100.7`}, "10.0.0.1"},
		{"RFC 7239: an open quote before quotes", fwd, "10.0.0.1:1", []string{`for=1.1.1.1;x=", for="[2001:db8::7]"`}, "10.0.0.1"},
		{"RFC 7239: an escape before quotes", fwd, "10.0.0.1:1", []string{`for=1.1.1.1;x="\, for="[2001:db8::7]"`}, "10.0.0.1"},
		{"RFC 7239: an open quote in a field of its own", fwd, "10.0.0.1:1", []string{`for=1.1.1.1;x="`, `for=198.51.100.7`}, "198.51.100.7"},
		{"RFC 7239: for twice", fwd, "10.0.0.1:1", []string{`for=198.51.100.7;for=1.1.1.1`}, "10.0.0.1"},
		{"RFC 7239: unknown", fwd, "10.0.0.1:1", []string{`for=1.1.1.1, for=unknown`}, "10.0.0.1"},
		{"RFC 7239: obfuscated", fwd, "10.0.0.1:1", []string{`for=1.1.1.1, for="_gazonk"`}, "10.0.0.1"},
		{"RFC 7239: an obfuscated port", fwd, "10.0.0.1:1", []string{`for="198.51.100.7:_x"`}, "10.0.0.1"},
		{"RFC 7239: without for", fwd, "10.0.0.1:1", []string{`for=1.1.1.1, by=10.0.0.1`}, "10.0.0.1"},
		{"RFC 7239: X-Forwarded-For's form", fwd, "10.0.0.1:1", []string{`198.51.100.7`}, "10.0.0.1"},
		{"RFC 7239: no proxy", fwd, "203.0.113.5:1", []string{`for=198.51.100.7`}, "203.0.113.5"},
	} {
		find, err := gateway.Proxies{Trusted: trusted, Header: tt.header}.ClientAddr()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = tt.remote
		r.Header[tt.header] = tt.fields
		other := map[string]string{xff: fwd, fwd: xff}[tt.header]
		r.Header[other] = []string{"for=9.9.9.9", "9.9.9.9"}
		if got := find(r).String(); got != tt.want {
			t.Errorf("ClientAddr(%s) = %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestProxiesMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    gateway.Proxies
		want string
	}{
		{"none trusted", gateway.Proxies{}, "Trusted is empty"},
		{"another header", gateway.Proxies{Header: "X-Real-IP"}, `Header is "X-Real-IP"`},
		{"a zero prefix", gateway.Proxies{Trusted: []netip.Prefix{{}}}, "Trusted[0] is not valid"},
		{"everybody", gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, "Trusted[0] trusts every address"},
		{"everybody, mapped", gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("::ffff:0.0.0.0/96")}}, "Trusted[0] trusts every address"},
		{"all at once", gateway.Proxies{Header: "X-Real-IP"}, "Trusted is empty"},
	} {
		find, err := tt.p.ClientAddr()
		if err == nil || find != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ClientAddr(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := (gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Header: "x-forwarded-for"}).ClientAddr(); err != nil {
		t.Errorf("ClientAddr(in lower case) = %v, want nil", err)
	}
}

// FuzzProxiesClientAddr checks that ClientAddr returns the address that a trusted proxy
// appended, or the proxy's own, for every prefix that a client can write.
func FuzzProxiesClientAddr(f *testing.F) {
	f.Add("1.1.1.1, ", "for=1.1.1.1;x=\"")
	f.Add("10.0.0.2", `for="\"`)
	f.Add(",,", `for=10.0.0.2, for="[::1]:_x"`)
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	client, proxy := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, xff, fwd string) {
		for header, fields := range map[string][]string{
			"X-Forwarded-For": {xff + ", 198.51.100.7"},
			"Forwarded":       {fwd + `, for="198.51.100.7:80";by=10.0.0.1`},
		} {
			find, err := gateway.Proxies{Trusted: trusted, Header: header}.ClientAddr()
			if err != nil {
				t.Fatal(err)
			}
			r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{header: fields}}
			if got := find(r); got != client && (got != proxy || header == "X-Forwarded-For") {
				t.Errorf("%s: %q gives %v", header, fields, got)
			}
		}
	})
}
