package differential

import (
	"encoding/json"
	"errors"

	jose4 "github.com/go-jose/go-jose/v4"
	jwt4 "github.com/go-jose/go-jose/v4/jwt"
	jwt5 "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// peer is another library under the same policy.
type peer struct {
	name   string
	accept func(keySet, token string) error
}

var peers = []peer{{"jwx", jwx}, {"golang-jwt", golangJWT}, {"go-jose", goJOSE}}

// jwx is the library that parses our keys. Here it also parses the token and the
// claims, and verifies the signature.
func jwx(keySet, token string) error {
	set, err := jwk.ParseString(keySet)
	if err != nil {
		return err
	}
	_, err = jwt.ParseString(token,
		jwt.WithKeySet(set, jws.WithRequireKid(false), jws.WithInferAlgorithmFromKey(true)),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithRequiredClaim("exp"),
		jwt.WithAcceptableSkew(leeway),
	)
	return err
}

// golangJWT parses no keys, so go-jose parses them for it.
func golangJWT(keySet, token string) error {
	var set jose4.JSONWebKeySet
	if err := json.Unmarshal([]byte(keySet), &set); err != nil {
		return err
	}
	_, err := jwt5.NewParser(
		jwt5.WithValidMethods(algorithms),
		jwt5.WithIssuer(issuer),
		jwt5.WithAudience(audience),
		jwt5.WithExpirationRequired(),
		jwt5.WithIssuedAt(),
		jwt5.WithLeeway(leeway),
		jwt5.WithStrictDecoding(),
		jwt5.WithJSONNumber(),
	).Parse(token, func(t *jwt5.Token) (any, error) {
		candidates := set.Keys
		if kid, ok := t.Header["kid"].(string); ok {
			candidates = set.Key(kid)
		}
		var fitting jwt5.VerificationKeySet
		for _, k := range candidates {
			if k.Algorithm == "" || k.Algorithm == t.Method.Alg() {
				fitting.Keys = append(fitting.Keys, k.Key)
			}
		}
		if len(fitting.Keys) == 0 {
			return nil, errors.New("no key")
		}
		return fitting, nil
	})
	return err
}

func goJOSE(keySet, token string) error {
	var set jose4.JSONWebKeySet
	if err := json.Unmarshal([]byte(keySet), &set); err != nil {
		return err
	}
	var list []jose4.SignatureAlgorithm
	for _, a := range algorithms {
		list = append(list, jose4.SignatureAlgorithm(a))
	}
	parsed, err := jwt4.ParseSigned(token, list)
	if err != nil {
		return err
	}
	candidates := []any{&set}
	if len(parsed.Headers) == 1 && parsed.Headers[0].KeyID == "" {
		candidates = nil // it looks for keys in a set by ID only
		for _, k := range set.Keys {
			candidates = append(candidates, k)
		}
	}
	var claims jwt4.Claims
	err = errors.New("no key")
	for _, key := range candidates {
		if err = parsed.Claims(key, &claims); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if claims.Expiry == nil {
		return errors.New("no expiry")
	}
	return claims.ValidateWithLeeway(jwt4.Expected{Issuer: issuer, AnyAudience: jwt4.Audience{audience}}, leeway)
}
