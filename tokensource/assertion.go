package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// ClientAssertion returns Credentials that authenticate by a JWT that identifies
// the workload (RFC 7523 §2.2): [AssertionFile], [GitHubActions], or any function.
// clientID may be empty if the authority takes the client from the JWT. f is
// called for each fetch, and must return when its context ends.
func ClientAssertion(clientID string, f func(context.Context) (string, error)) Credentials {
	return credentials{clientauth.Assertion{ClientID: clientID, Get: f}}
}

// JWTBearer returns Credentials that exchange a JWT for a token: the JWT is the
// grant (RFC 7523 §2.1). f is called for each fetch, and must return when its
// context ends. client authenticates the client in addition, as Ory Hydra
// requires: nil for no authentication.
func JWTBearer(f func(context.Context) (string, error), client Credentials) Credentials {
	grant := clientauth.Grant{Get: f}
	if client != nil {
		grant.Client = client.ClientAuth()
	}
	return credentials{grant}
}

// AssertionFile returns a function for [ClientAssertion] and [JWTBearer] that
// reads the JWT at path, such as a projected token of Kubernetes.
func AssertionFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return readLine(path) }
}

// TokenFile returns a function for Config.Fetch where the token at path, such as
// a projected token of Kubernetes, is the access token itself. Its expiry is its
// "exp": a token that is not a JWT needs Config.MaxAge.
func TokenFile(path string) func(context.Context) (*oauth2.Token, error) {
	return func(context.Context) (*oauth2.Token, error) {
		token, err := readLine(path)
		if err != nil {
			return nil, err
		}
		if token == "" {
			return nil, fileError(path, errors.New("is empty"))
		}
		return &oauth2.Token{AccessToken: token, TokenType: "Bearer", Expiry: readTimes(token).expiry}, nil
	}
}

// Variables of a job of GitHub Actions with the permission "id-token: write".
const (
	gitHubURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	gitHubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// GitHubActions returns a function for [ClientAssertion] and [JWTBearer] that
// requests the ID token of a job of GitHub Actions for audience. The job needs the
// permission "id-token: write".
func GitHubActions(audience string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		token, err := gitHubIDToken(ctx, audience)
		if err != nil {
			return "", fmt.Errorf("GitHub Actions: %w", outbound.ErrorWithoutSecrets(err, os.Getenv(gitHubToken)))
		}
		return token, nil
	}
}

func gitHubIDToken(ctx context.Context, audience string) (string, error) {
	raw, bearer := os.Getenv(gitHubURL), os.Getenv(gitHubToken)
	if raw == "" || bearer == "" {
		return "", fmt.Errorf("no %s or %s: give the job the permission \"id-token: write\"", gitHubURL, gitHubToken)
	}
	if err := outbound.CheckEndpoint(raw); err != nil {
		return "", fmt.Errorf("%s %s %w", gitHubURL, redact.Quote(raw), err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", outbound.WithoutURL(err)
	}
	if audience != "" {
		query := u.Query()
		query.Set("audience", audience)
		u.RawQuery = query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", outbound.WithoutURL(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := outbound.NewClient(outbound.NewTransport(0)).Do(req)
	if err != nil {
		return "", withoutQuotes(outbound.WithoutURL(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: HTTP status %d", redact.URL(raw), res.StatusCode)
	}
	body, err := outbound.ReadBody(res.Body, maxResponse)
	if err != nil {
		return "", err
	}
	obj, err := strictjson.Parse(string(body), responseLimits, nil)
	if err != nil {
		return "", fmt.Errorf("%s: %w", redact.URL(raw), err)
	}
	if token := textMember(obj, "value"); token != "" {
		return token, nil
	}
	return "", errors.New("the answer holds no value")
}
