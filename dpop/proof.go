package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

const (
	maxMembers = 64
	maxID      = 256 // bytes of a "jti"
)

// proof is one that was verified, apart from whether it was used before.
type proof struct {
	thumbprint [32]byte
	jti        string
}

// id identifies a use of the proof. Another client's "jti" is another.
func (p proof) id() [32]byte {
	buf := make([]byte, 0, 128)
	return sha256.Sum256(append(append(buf, p.thumbprint[:]...), p.jti...))
}

// verify does every check of RFC 9449 §4.3 in the order of its cost, the signature
// last. Replay is not one of them. A proof that comes with a request for a token names
// no token, and may have any key.
func (c *Checker) verify(call Call, forToken bool) (proof, error) {
	raw, err := c.one(call.Proofs)
	if err != nil {
		return proof{}, err
	}
	var buf jose.Buffers
	t, parts, err := jose.ParseToken(raw, maxMembers, nil, &buf)
	if err != nil {
		return proof{}, malformed(err.Error())
	}
	if !t.Header.HasType {
		return proof{}, malformed(`"typ" is missing, want "dpop+jwt"`)
	}
	if kind := t.Header.Type; !strings.EqualFold(kind, "dpop+jwt") && !strings.EqualFold(kind, "application/dpop+jwt") {
		return proof{}, &proofError{kind: ErrMalformed, text: is("typ", kind, "dpop+jwt")}
	}
	key, known := c.keys.Get(raw[:strings.IndexByte(raw, '.')])
	if !known {
		if key, err = t.EmbeddedKey(); err != nil {
			return proof{}, malformed(err.Error())
		}
	}
	algorithm, ok := key.UsableFor([]string{t.Header.Algorithm})
	if !ok || !c.accepts(algorithm) {
		return proof{}, &proofError{kind: ErrMalformed, text: c.otherAlgorithm(t.Header.Algorithm)}
	}
	jti, err := checkClaims(parts.Claims, call, forToken, c.cfg.Window)
	if err != nil {
		return proof{}, err
	}
	if want, err := base64.RawURLEncoding.DecodeString(call.Thumbprint); !forToken && (err != nil || string(want) != string(key.Thumbprint[:])) {
		return proof{}, &proofError{kind: ErrMismatch, text: otherKey(key, call.Thumbprint)}
	}
	if err := t.Verify(parts, key, algorithm); err != nil {
		return proof{}, malformed(err.Error())
	}
	if !known && !forToken {
		// A header admitted here is that of a key that a verified token names.
		text := t.HeaderText()
		c.keys.Put(text, key, len(text)+keyBytes)
	}
	return proof{key.Thumbprint, jti}, nil
}

const keyBytes = 1024 // about the memory of a parsed key

// one returns the one proof of a call.
func (c *Checker) one(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", &proofError{kind: ErrMissing, text: says("want one DPoP header")}
	case len(values) > 1:
		return "", malformed("found " + strconv.Itoa(len(values)) + " DPoP headers, want one")
	case len(values[0]) > c.cfg.MaxProofBytes:
		return "", malformed("it has " + strconv.Itoa(len(values[0])) + " bytes, want at most " + strconv.Itoa(c.cfg.MaxProofBytes))
	}
	return values[0], nil
}

func (c *Checker) accepts(algorithm string) bool {
	for _, a := range c.cfg.Algorithms {
		if a == algorithm {
			return true
		}
	}
	return false
}

// checkClaims compares the claims of a proof with the call, and returns its "jti".
func checkClaims(claims strictjson.Object, call Call, forToken bool, window time.Duration) (string, error) {
	var jti, method, target, token string
	var issued, expires, notBefore strictjson.Value
	for _, m := range claims {
		text, _ := m.Value.Text()
		switch m.Name {
		case "jti":
			jti = text
		case "htm":
			method = text
		case "htu":
			target = text
		case "ath":
			token = text
		case "iat":
			issued = m.Value
		case "exp":
			expires = m.Value
		case "nbf":
			notBefore = m.Value
		}
	}
	if jti == "" || len(jti) > maxID {
		return "", malformed(`"jti" is not a string of 1 to 256 bytes`)
	}
	if method == "" || target == "" {
		return "", malformed(`"htm" or "htu" is missing or not a string`)
	}
	if method != call.Method { // methods are case-sensitive (RFC 9110 §9.1)
		return "", &proofError{kind: ErrMismatch, text: is("htm", method, call.Method)}
	}
	if !sameTarget(target, call.Origin, call.Path) {
		return "", &proofError{kind: ErrMismatch, text: is("htu", target, call.Origin+call.Path)}
	}
	now := call.Now
	if now.IsZero() {
		now = time.Now()
	}
	if err := checkTimes(now, window, issued, expires, notBefore); err != nil {
		return "", err
	}
	if forToken {
		return jti, nil
	}
	sum := sha256.Sum256([]byte(call.Token))
	var ath [43]byte
	base64.RawURLEncoding.Encode(ath[:], sum[:])
	switch {
	case token == "":
		return "", malformed(`"ath" is missing or not a string`)
	case token != string(ath[:]):
		return "", mismatch(`"ath" is not the hash of the token`)
	}
	return jti, nil
}

// checkTimes checks "iat", and "exp" and "nbf" if a proof has them (RFC 7519
// §4.1).
func checkTimes(now time.Time, window time.Duration, issued, expires, notBefore strictjson.Value) error {
	at, ok := seconds(issued)
	if !ok {
		return malformed(`"iat" is not a number of seconds since 1970`)
	}
	is := float64(now.UnixNano()) / 1e9
	switch w := window.Seconds(); {
	case at < is-w:
		return mismatch(`"iat" is ` + distance(is-at) + " ago, want at most " + window.String() + ": it is an old proof, or a clock is wrong")
	case at > is+w:
		return mismatch(`"iat" is ` + distance(at-is) + " ahead, want at most " + window.String() + ": a clock is wrong")
	}
	for _, limit := range []struct {
		value strictjson.Value
		text  string
		sign  float64
		side  string
	}{{expires, `"exp"`, 1, " ago"}, {notBefore, `"nbf"`, -1, " ahead"}} {
		if limit.value.IsAbsent() || limit.value.IsNull() {
			continue
		}
		at, ok := seconds(limit.value)
		switch {
		case !ok:
			return malformed(limit.text + " is not a number of seconds since 1970")
		case limit.sign*(at-is) < -window.Seconds():
			return mismatch(limit.text + " is " + distance(math.Abs(at-is)) + limit.side)
		}
	}
	return nil
}

// otherAlgorithm describes an "alg" that the Checker, or the key, is not for.
func (c *Checker) otherAlgorithm(found string) func() string {
	return func() string {
		return `"alg" is ` + redact.Quote(found) + ", want one of " + strings.Join(c.cfg.Algorithms, ", ") + ` that is for "jwk"`
	}
}

// otherKey describes a key that the token is not bound to. Thumbprints are no secrets.
func otherKey(key *jose.Key, want string) func() string {
	return func() string {
		return `"jwk" has the thumbprint ` + base64.RawURLEncoding.EncodeToString(key.Thumbprint[:]) + ", and the token is bound to " + strconv.Quote(want)
	}
}

// maxNumericDate is the last second of the year 9999.
const maxNumericDate = 253402300799

// seconds reads a NumericDate (RFC 7519 §2).
func seconds(v strictjson.Value) (float64, bool) {
	literal, ok := v.Number()
	if !ok || len(literal) > 32 {
		return 0, false
	}
	f, err := strconv.ParseFloat(literal, 64)
	return f, err == nil && f >= 0 && f <= maxNumericDate
}

func distance(seconds float64) string {
	return (time.Duration(math.Round(min(seconds, 1e9))) * time.Second).String()
}
