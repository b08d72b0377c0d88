package gateway

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// describe adds to an Answer what an operator may know of a token and of the secret
// that it was issued for. began is a time before the request to Stytch.
func (a *Answer) describe(t *issuedToken, req *tokenRequest, began time.Time) {
	a.SecretLastFour = lastFour(req.clientSecret)
	a.Scopes = t.scopes(req.secrets()...)
	a.Expires = began.Add(time.Duration(t.ExpiresIn) * time.Second)
	a.RequestID = t.requestID
}

// lastFour returns the end of a secret as Stytch shows it, or "" if the secret is too
// short for that or is not printable ASCII. Stytch issues no such secrets.
func lastFour(secret string) string {
	if len(secret) < 8 {
		return ""
	}
	end := secret[len(secret)-4:]
	for i := range len(end) {
		if end[i] <= ' ' || end[i] >= 0x7f {
			return ""
		}
	}
	return strings.Clone(end) // not a part of the secret's memory
}

// secrets returns the texts that no part of an Answer may repeat.
func (r *tokenRequest) secrets() []string {
	return []string{r.clientSecret, r.clientID + ":" + r.clientSecret}
}

// scopes returns the scopes of the response (RFC 6749 §5.1), or else those of the
// token itself, since Stytch's response has none. It returns nil for any text that is
// not a list of scopes (RFC 6749 §3.3) or repeats a secret.
func (t *issuedToken) scopes(secrets ...string) []string {
	list := t.scope
	if list == "" {
		list = text(t.part(1), "scope")
	}
	for i := range len(list) {
		if c := list[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return nil
		}
	}
	if outbound.WithoutSecrets(list, secrets...) != list {
		return nil
	}
	return strings.Fields(strings.Clone(list))
}

// keyID returns the "kid" of the token's header, or "" if it has none.
func (t *issuedToken) keyID() string { return strings.Clone(text(t.part(0), "kid")) }

// issuerWarning returns a warning if the token's "iss" is not want. It returns "" if want
// is "". It shows no text that repeats a secret.
func (t *issuedToken) issuerWarning(want string, secrets ...string) string {
	if want == "" {
		return ""
	}
	got := text(t.part(1), "iss")
	if got == want {
		return ""
	}
	return fmt.Sprintf(`the token's "iss" is %s, and not the metadata's issuer %s: services that verify tokens by the metadata refuse it`,
		outbound.WithoutSecrets(outbound.Quote(got), secrets...), outbound.Quote(want))
}

// part returns the JSON object in a part of a JWT. It is empty if there is none.
func (t *issuedToken) part(n int) strictjson.Object {
	parts := strings.SplitN(t.AccessToken, ".", 4)
	if len(parts) != 3 {
		return strictjson.Object{}
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		return strictjson.Object{}
	}
	doc, err := strictjson.Parse(string(decoded), strictjson.Limits{Depth: 16, Members: 1024}, nil)
	if err != nil {
		return strictjson.Object{}
	}
	return doc
}
