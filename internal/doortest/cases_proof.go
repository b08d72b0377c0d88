package doortest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/verifier"
)

// values are the rows of the DPoP header field, and of its JWS (RFC 9449 §4.3, 1, 2
// and 6).
func (r proofRows) values() []Case {
	changed := func(name string, edit func(proof string) []string) Case {
		return r.row(name, func(c *Case) { c.Proofs = r.changed(edit) })
	}
	one := func(name string, edit func(proof string) string) Case {
		return changed(name, func(proof string) []string { return []string{edit(proof)} })
	}
	const header, payload, signature = 0, 1, 2
	// part changes one segment.
	part := func(name string, i int, edit func(segment string) string) Case {
		return one(name, func(proof string) string {
			parts := strings.Split(proof, ".")
			parts[i] = edit(parts[i])
			return strings.Join(parts, ".")
		})
	}
	encoded := func(text string) func(string) string {
		return func(string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	}
	return slices.Concat(
		invalid(verifier.ProofMissing, r.row("no proof", func(c *Case) { c.Proofs = nil })),
		invalid(verifier.ProofMalformed,
			r.row("two proofs", func(c *Case) {
				c.Proofs = func(f *Fixture, a, m, path string) []string {
					return append(r.signed(r.p, nil, nil)(f, a, m, path), r.signed(r.p, nil, nil)(f, a, m, path)...)
				}
			}),
			changed("one proof twice", func(proof string) []string { return []string{proof, proof} }),
			changed("a proof and an empty value", func(proof string) []string { return []string{proof, ""} }),
			one("two proofs in one value", func(proof string) string { return proof + ", " + proof }),
			one("an empty value", func(string) string { return "" }),
			one("not a JWS", func(string) string { return "not.a.proof!" }),
			one("a scheme before the proof", func(proof string) string { return "DPoP " + proof }),
			one("without a signature", func(proof string) string { return proof[:strings.LastIndexByte(proof, '.')+1] }),
			one("without the last segment", func(proof string) string { return proof[:strings.LastIndexByte(proof, '.')] }),
			one("five segments", func(proof string) string { return proof + ".AAAA.AAAA" }),
			one("JSON serialization", func(proof string) string {
				parts := strings.Split(proof, ".")
				text, err := json.Marshal(map[string]string{"protected": parts[header], "payload": parts[payload], "signature": parts[signature]})
				if err != nil {
					r.t.Error(err)
				}
				return string(text)
			}),
			one("the access token as the proof", func(string) string { return r.f.Token(r.bound) }),
			one("longer than 4096 bytes", func(proof string) string { return proof + strings.Repeat("A", 4096) }),
			part("padded", payload, func(segment string) string { return segment + "=" }),
			part("the header is an array", header, encoded(`[]`)),
			part("the claims are a string", payload, encoded(`"claims"`)),
			changed("with the claims of another proof", func(proof string) []string {
				parts := strings.Split(proof, ".")
				return []string{parts[header] + "." + r.otherClaims(parts[payload]) + "." + parts[signature]}
			}),
			part("a bit of the signature is flipped", signature, func(segment string) string {
				if segment[0] == 'A' {
					return "B" + segment[1:]
				}
				return "A" + segment[1:]
			}),
			r.row("signed by another key", func(c *Case) { c.Proofs = r.signed(r.thief, prooftest.Fields{"jwk": r.p.JWK()}, nil) }),
			r.row("a claim twice", func(c *Case) {
				c.Proofs = func(_ *Fixture, authorization, method, path string) []string {
					claims := prooftest.Claims(method, Origin+path, tokenOf(authorization), time.Now())
					return []string{r.p.SignText(r.t, jsonOf(r.p.Header()), `{"htm":"X",`+jsonOf(claims)[1:])}
				}
			}),
			r.row("a header member twice", func(c *Case) {
				c.Proofs = func(_ *Fixture, authorization, method, path string) []string {
					claims := prooftest.Claims(method, Origin+path, tokenOf(authorization), time.Now())
					return []string{r.p.SignText(r.t, `{"alg":"none",`+jsonOf(r.p.Header())[1:], jsonOf(claims))}
				}
			})),
	)
}

// otherClaims returns a payload with another "jti": every claim of it is good, but it
// was not signed.
func (r proofRows) otherClaims(payload string) string {
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims prooftest.Fields
	if err := errors.Join(err, json.Unmarshal(text, &claims)); err != nil {
		r.t.Error(err)
	}
	claims["jti"] = "another"
	return base64.RawURLEncoding.EncodeToString([]byte(jsonOf(claims)))
}

func jsonOf(f prooftest.Fields) string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// headers are the rows of the JOSE header (RFC 9449 §4.3, 4, 5 and 7).
func (r proofRows) headers() []Case {
	type fields = prooftest.Fields
	header := func(name string, edit fields) Case { return r.with(name, edit, nil) }
	return slices.Concat(
		[]Case{
			header("typ in another case", fields{"typ": "DPoP+JWT"}),
			header("typ with application/", fields{"typ": "application/dpop+jwt"}),
			header("a kid, and members that are unknown", fields{"kid": "../k", "x": 1}),
			header("other keys beside jwk", fields{"jku": r.f.Trap, "x5u": r.f.Trap, "x5c": []string{"AA=="}}),
		},
		invalid(verifier.ProofMalformed,
			header("typ missing", fields{"typ": nil}),
			header("typ JWT", fields{"typ": "JWT"}),
			header("typ of an access token", fields{"typ": "at+jwt"}),
			header("typ with another ending", fields{"typ": "dpop+jwt;x"}),
			header("typ an array", fields{"typ": []string{"dpop+jwt"}}),
			header("alg missing", fields{"alg": nil}),
			header("alg none", fields{"alg": "none"}),
			header("alg none in capitals", fields{"alg": "NONE"}),
			header("alg empty", fields{"alg": ""}),
			header("alg an array", fields{"alg": []string{"ES256"}}),
			header("alg HS256", fields{"alg": "HS256"}),
			header("alg in lower case", fields{"alg": "es256"}),
			header("alg of another key", fields{"alg": "RS256"}),
			header("alg of another curve", fields{"alg": "ES384"}),
			r.row("alg that is not in the list", func(c *Case) {
				c.Config = r.takes(dpop.Config{Algorithms: []string{"RS256", "ES384"}})
			}),
			header("crit", fields{"crit": []string{"x"}, "x": 1}),
			header("zip", fields{"zip": "DEF"}),
			header("jwk missing", fields{"jwk": nil}),
			header("jwk null", fields{"jwk": json.RawMessage("null")}),
			header("jwk a string", fields{"jwk": jsonOf(r.p.JWK())}),
			header("jwk a set", fields{"jwk": fields{"keys": []any{r.p.JWK()}}}),
			header("jwk symmetric", fields{"jwk": fields{"kty": "oct", "k": "AAAA"}}),
			header("jwk symmetric, alg HS256", fields{"alg": "HS256", "jwk": fields{"kty": "oct", "k": "AAAA"}}),
			header("jwk private", fields{"jwk": r.p.JWK().With(fields{"d": "AAAA"})}),
			header("jwk with a member of a private RSA key", fields{"jwk": r.p.JWK().With(fields{"p": "AAAA"})}),
			header("jwk with other primes", fields{"jwk": r.p.JWK().With(fields{"oth": []any{fields{"r": "AAAA", "d": "AAAA", "t": "AAAA"}}})}),
			header("jwk with a symmetric key beside the public one", fields{"jwk": r.p.JWK().With(fields{"k": "AAAA"})}),
			header("jwk with the seed of a private key", fields{"jwk": r.p.JWK().With(fields{"priv": "AAAA"})}),
			header("jwk of a curve for agreement", fields{"jwk": fields{"kty": "OKP", "crv": "X25519", "x": r.p.JWK()["x"]}}),
			header("jwk of a signature key, alg EdDSA", fields{"alg": "EdDSA"}),
			header("jwk with a point in hex", fields{"jwk": r.p.JWK().With(fields{"x": strings.Repeat("0a", 32)})}),
			header("jwk with a padded point", fields{"jwk": r.p.JWK().With(fields{"x": r.p.JWK()["x"].(string) + "="})}),
			header("jwk with a point of 31 bytes", fields{"jwk": r.p.JWK().With(fields{"x": r.p.JWK()["x"].(string)[:42]})}),
			header("jwk with another type", fields{"jwk": r.p.JWK().With(fields{"kty": "RSA"})}),
			header("jwk with the type in lower case", fields{"jwk": r.p.JWK().With(fields{"kty": "ec"})}),
			header("jwk with key_ops without verify", fields{"jwk": r.p.JWK().With(fields{"key_ops": []string{"sign"}})}),
			header("jwk an array of one key", fields{"jwk": []any{r.p.JWK()}}),
			header("enc, as of a JWE", fields{"enc": "A256GCM"}),
			header("crit empty", fields{"crit": []string{}}),
			header("crit of what is registered", fields{"crit": []string{"alg"}}),
			header("b64 false", fields{"b64": false, "crit": []string{"b64"}}),
			r.row("jwk with a member twice", func(c *Case) {
				c.Proofs = func(_ *Fixture, authorization, method, path string) []string {
					claims := prooftest.Claims(method, Origin+path, tokenOf(authorization), time.Now())
					jwk := `{"kty":"EC","crv":"P-256","crv":"P-256",` + jsonOf(r.p.JWK().With(fields{"kty": nil, "crv": nil}))[1:]
					return []string{r.p.SignText(r.t, `{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwk+`}`, jsonOf(claims))}
				}
			}),
			r.row("jwk twice, once escaped", func(c *Case) {
				c.Proofs = func(_ *Fixture, authorization, method, path string) []string {
					claims := prooftest.Claims(method, Origin+path, tokenOf(authorization), time.Now())
					return []string{r.p.SignText(r.t, `{"\u006awk":`+jsonOf(r.thief.JWK())+`,`+jsonOf(r.p.Header())[1:], jsonOf(claims))}
				}
			}),
			header("jwk of an unknown type", fields{"jwk": fields{"kty": "XX"}}),
			header("jwk for encryption", fields{"jwk": r.p.JWK().With(fields{"use": "enc"})}),
			header("jwk for another algorithm", fields{"jwk": r.p.JWK().With(fields{"alg": "ES384"})}),
			header("jwk off its curve", fields{"jwk": r.p.JWK().With(fields{"x": r.p.JWK()["y"]})}),
			header("a URL instead of jwk", fields{"jwk": nil, "jku": r.f.Trap}),
			header("a certificate instead of jwk", fields{"jwk": nil, "x5c": []string{base64.StdEncoding.EncodeToString(r.f.Mine.Leaf.Raw)}})),
		invalid(verifier.ProofMismatch,
			r.row("another client's key", func(c *Case) { c.Proofs = r.signed(r.thief, nil, nil) }),
			header("another client's key, signed by the right one", fields{"jwk": r.thief.JWK()})),
	)
}
