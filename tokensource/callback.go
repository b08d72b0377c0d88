package tokensource

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// callback fetches tokens by a user's function.
type callback struct {
	call    func(context.Context) (*oauth2.Token, error)
	timeout time.Duration
}

func (c *callback) fetch(ctx context.Context) (f fetched, err error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		if recover() != nil { // without its value, which may hold a secret
			f, err = fetched{}, c.describe(errors.New("it panicked"))
		}
	}()
	token, err := c.call(limited)
	switch {
	case err != nil && ctx.Err() != nil:
		return f, c.describe(whyClosed(ctx))
	case err != nil:
		return f, c.describe(err)
	case token == nil:
		return f, c.describe(errors.New("it returned no token and no error"))
	}
	if err := checkToken(token.AccessToken, token.Type(), bearerScheme); err != nil {
		return f, c.describe(err)
	}
	f.token = token
	return f, nil
}

func (c *callback) describe(err error) error { return fmt.Errorf("tokensource: Fetch: %w", err) }

func (c *callback) closeIdle() {}

// maxToken is more than any server accepts in a header field.
const maxToken = 64 << 10

// checkToken refuses what can't be sent as a token of this scheme.
func checkToken(accessToken, tokenType, scheme string) error {
	switch {
	case accessToken == "":
		return errors.New("the response is missing access_token")
	case len(accessToken) > maxToken:
		return fmt.Errorf("the access token has %d bytes: want at most %d", len(accessToken), maxToken)
	case strings.ContainsFunc(accessToken, func(c rune) bool { return c <= ' ' || c > '~' }): // RFC 6749 §A.12
		return errors.New("the access token holds spaces or bytes that are no printable ASCII")
	case strings.EqualFold(tokenType, scheme): // RFC 6749 §7.1: don't use a token of an unknown type
	case scheme == dpopScheme:
		return errors.New("the token's type is not DPoP: the authority has not bound it to the key (RFC 9449 §5)")
	default:
		return errors.New("the token's type is not bearer")
	}
	return nil
}
