package doortest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/verifier"
)

// claims are the rows of the claims other than "htu" (RFC 9449 §4.3, 3, 8, 11 and
// 12).
func (r proofRows) claims() []Case {
	type fields = prooftest.Fields
	now := time.Now().Unix()
	claims := func(name string, edit fields) Case { return r.with(name, nil, edit) }
	// moved returns a row with a time that differs from that of the attempt.
	moved := func(name, claim string, by time.Duration) Case {
		return r.row(name, func(c *Case) {
			c.Proofs = func(f *Fixture, a, m, path string) []string {
				return r.signed(r.p, nil, fields{claim: time.Now().Add(by).Unix()})(f, a, m, path)
			}
		})
	}
	// hashed returns a row whose "ath" is computed from the token.
	hashed := func(name string, ath func(token string) string) Case {
		return r.row(name, func(c *Case) {
			c.Proofs = func(f *Fixture, authorization, m, path string) []string {
				return r.signed(r.p, nil, fields{"ath": ath(tokenOf(authorization))})(f, authorization, m, path)
			}
		})
	}
	lower := func(name string) Case {
		return r.row(name, func(c *Case) {
			c.Proofs = func(f *Fixture, a, method, path string) []string {
				return r.signed(r.p, nil, fields{"htm": strings.ToLower(method)})(f, a, method, path)
			}
		})
	}
	return slices.Concat(
		[]Case{
			claims("a jti of 256 bytes that differs", nil).withJTI(r, 256),
			claims("a nonce that nobody asked for", fields{"nonce": "n"}),
			claims("claims that are unknown", fields{"iss": "x", "sub": "x", "aud": "x", "x": 1, "HTM": "DELETE", "Ath": "x"}),
			claims("exp and nbf null", fields{"exp": json.RawMessage("null"), "nbf": json.RawMessage("null")}),
			r.row("a jti that is not ASCII", func(c *Case) {
				c.Proofs = func(f *Fixture, a, m, path string) []string {
					return r.signed(r.p, nil, fields{"jti": fmt.Sprint("\u202e\x00é\U0001f511", time.Now().UnixNano())})(f, a, m, path)
				}
			}),
			r.row("an iat with a fraction", func(c *Case) {
				c.Proofs = func(f *Fixture, a, m, path string) []string {
					return r.signed(r.p, nil, fields{"iat": json.RawMessage(fmt.Sprintf("%d.75", time.Now().Unix()-1))})(f, a, m, path)
				}
			}),
			moved("iat 50 s ago", "iat", -50*time.Second),
			moved("iat 50 s ahead", "iat", 50*time.Second),
			moved("exp to come", "exp", time.Minute),
		},
		invalid(verifier.ProofMalformed,
			claims("jti missing", fields{"jti": nil}),
			claims("jti empty", fields{"jti": ""}),
			claims("jti a number", fields{"jti": 1}),
			claims("jti of 257 bytes", nil).withJTI(r, 257),
			claims("htm missing", fields{"htm": nil}),
			claims("htm an array", fields{"htm": []string{"GET", "POST"}}),
			claims("iat missing", fields{"iat": nil}),
			claims("iat a string", fields{"iat": fmt.Sprint(now)}),
			claims("iat negative", fields{"iat": -now}),
			claims("iat beyond the year 9999", fields{"iat": 253402300800}),
			claims("iat in milliseconds", fields{"iat": now * 1000}),
			claims("exp a string", fields{"exp": "tomorrow"}),
			claims("iat 1e999", fields{"iat": json.RawMessage("1e999")}),
			claims("iat true", fields{"iat": true}),
			claims("iat an array", fields{"iat": []int64{now}}),
			claims("iat with too many digits", fields{"iat": json.RawMessage(fmt.Sprint(now, ".", strings.Repeat("0", 64)))}),
			claims("nbf a string", fields{"nbf": "now"}),
			claims("jti an array", fields{"jti": []string{"x"}}),
			claims("htm empty", fields{"htm": ""}),
			claims("ath an array", fields{"ath": []string{"x"}}),
			claims("ath missing", fields{"ath": nil}),
			claims("ath null", fields{"ath": json.RawMessage("null")}),
			claims("ath empty", fields{"ath": ""})),
		invalid(verifier.ProofMismatch,
			claims("htm of another method", fields{"htm": "DELETE"}),
			lower("htm in lower case"),
			claims("htm of two methods", fields{"htm": "GET POST"}),
			claims("htm of any method", fields{"htm": "*"}),
			claims("iat 0", fields{"iat": 0}),
			claims("iat -0", fields{"iat": json.RawMessage("-0")}),
			claims("iat 9999-12-31", fields{"iat": 253402300799}),
			moved("iat old", "iat", -2*time.Minute),
			moved("iat in the future", "iat", 2*time.Minute),
			moved("exp passed", "exp", -2*time.Minute),
			moved("nbf to come", "nbf", 2*time.Minute),
			hashed("ath of another token", func(string) string { return athOf(r.f.Token(spec{Claims: map[string]any{"jti": "another"}})) }),
			hashed("ath of the scheme and the token", func(token string) string { return athOf("DPoP " + token) }),
			hashed("ath is the token", func(token string) string { return token[:43] }),
			hashed("ath padded", func(token string) string { return athOf(token) + "=" })),
	)
}

// withJTI returns the row with a new "jti" of n bytes for each attempt.
func (c Case) withJTI(r proofRows, n int) Case {
	c.Proofs = func(f *Fixture, a, m, path string) []string {
		jti := fmt.Sprintf("%0*d", n, time.Now().UnixNano())
		return r.signed(r.p, nil, prooftest.Fields{"jti": jti})(f, a, m, path)
	}
	return c
}

// targets are the rows of "htu" (RFC 9449 §4.3, 9), after the normalization of RFC
// 3986 §6.2.2 and §6.2.3.
func (r proofRows) targets() []Case {
	target := func(name string, htu func(path string) string) Case {
		return r.row("htu "+name, func(c *Case) {
			c.Proofs = func(f *Fixture, a, m, path string) []string {
				return r.signed(r.p, nil, prooftest.Fields{"htu": htu(path)})(f, a, m, path)
			}
		})
	}
	// before returns htu with another beginning than the Origin.
	before := func(name, origin string) Case {
		return target(name, func(path string) string { return origin + path })
	}
	// after returns htu with another path.
	after := func(name string, edit func(path string) string) Case {
		return target(name, func(path string) string { return Origin + edit(path) })
	}
	last := func(path, format string) string { return path[:len(path)-1] + fmt.Sprintf(format, path[len(path)-1]) }
	_, host, _ := strings.Cut(Origin, "://")
	return slices.Concat(
		[]Case{
			before("in capitals, with the default port", strings.ToUpper(Origin)+":443"),
			before("with an empty port", Origin+":"),
			after("with a query", func(path string) string { return path + "?q=/y" }),
			after("with a fragment", func(path string) string { return path + "#/y" }),
			after("with an escaped letter", func(path string) string { return last(path, "%%%02x") }),
		},
		invalid(verifier.ProofMalformed,
			r.with("htu missing", nil, prooftest.Fields{"htu": nil}),
			r.with("htu an array", nil, prooftest.Fields{"htu": []string{Origin}}),
			target("empty", func(string) string { return "" })),
		invalid(verifier.ProofMismatch,
			before("of another scheme", "http://"+host),
			before("of another host", "https://evil.example.com"),
			before("of a longer host", Origin+".evil.example"),
			before("of the Host field", "http://service.test"),
			before("of another port", Origin+":8443"),
			before("of the port of http", Origin+":80"),
			before("with an empty port before the default one", Origin+"::443"),
			before("with a dot after the host", Origin+"."),
			before("with user info", "https://user@"+host),
			before("with the host as user info", Origin+"@evil.example"),
			before("with a prefix that the Origin has not", Origin+"/api"),
			before("that is a path", ""),
			before("without a scheme", "//"+host),
			after("without a path", func(string) string { return "" }),
			after("of another path", func(string) string { return "/admin" }),
			after("in another case", strings.ToUpper),
			after("with a slash at the end", func(path string) string { return path + "/" }),
			after("with two slashes", func(path string) string { return "/" + path }),
			after("with an escaped slash", func(path string) string { return "/%2F" + path[1:] }),
			after("with a dot segment", func(path string) string { return "/." + path }),
			after("with a segment that is taken back", func(path string) string { return "/y/.." + path }),
			after("escaped twice", func(path string) string { return last(path, "%%25%02x") }),
			after("with half an escape", func(path string) string { return path + "%" }),
			after("with the path as query", func(path string) string { return "?" + path }),
			after("with the path as fragment", func(path string) string { return "/#" + path }),
			after("with a backslash", func(path string) string { return `\` + path[1:] }),
			after("with a parameter", func(path string) string { return path + ";a=b" }),
			after("with a space", func(path string) string { return path + " " }),
			after("with NUL", func(path string) string { return path + "\x00" }),
			after("not in ASCII", func(path string) string { return path + "é" })),
	)
}
