package tokensource

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// responseLimits bound the JSON documents that are read here.
var responseLimits = strictjson.Limits{Depth: 16, Members: 4096}

// times are the times of a JWT: zero if unknown.
type times struct{ issued, expiry time.Time }

// readTimes reads "iat" and "exp" of a token if it is a JWT. They only tell when
// to fetch the next one, so that nothing is verified.
func readTimes(token string) times {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, found := strings.Cut(rest, ".")
	if !found {
		return times{}
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return times{}
	}
	claims, err := strictjson.Parse(string(text), responseLimits, nil)
	if err != nil {
		return times{}
	}
	return times{issued: date(claims, "iat"), expiry: date(claims, "exp")}
}

// date reads a NumericDate (RFC 7519 §2).
func date(claims strictjson.Object, name string) time.Time {
	v, _ := claims.Get(name)
	literal, _ := v.Number()
	seconds, err := strconv.ParseFloat(literal, 64)
	if err != nil || seconds <= 0 || seconds >= 1<<33 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

func errTooOld(age, maxAge time.Duration) error {
	return fmt.Errorf("the token was issued %v ago: want at most MaxAge, %v", age.Round(time.Second), maxAge)
}

// textMember returns the string member of obj called name, or "".
func textMember(obj strictjson.Object, name string) string {
	v, _ := obj.Get(name)
	text, _ := v.Text()
	return text
}
