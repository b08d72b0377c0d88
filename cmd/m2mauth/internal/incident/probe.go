package incident

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

// probe gets a token with the secret and returns its "iat". The token is used for
// nothing else, and was received from the authority itself: its signature does not
// matter here.
func probe(ctx context.Context, project, tokenURL, id string, secret stytch.Secret) (time.Time, error) {
	source, err := stytch.TokenSource(ctx, project, stytch.StaticCredentials(id, secret), &stytch.TokenSourceOptions{TokenURL: tokenURL})
	if err != nil {
		return time.Time{}, err
	}
	defer source.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no token after %v", patience))
	defer cancel()
	token, err := source.TokenContext(ctx)
	if err != nil {
		return time.Time{}, err
	}
	return issuedAt(token.AccessToken)
}

const patience = 15 * time.Second

// issuedAt returns the "iat" of a token (RFC 7519 §4.1.6).
func issuedAt(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("the token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		IssuedAt float64 `json:"iat"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return time.Time{}, errors.New("the token's claims can't be read")
	}
	if claims.IssuedAt <= 0 || claims.IssuedAt > 1e11 {
		return time.Time{}, errors.New(`the token has no usable "iat"`)
	}
	return time.Unix(int64(math.Floor(claims.IssuedAt)), 0).UTC(), nil
}
