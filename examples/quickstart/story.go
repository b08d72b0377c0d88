package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"google.golang.org/grpc/codes"
)

// story is one run, and counts the responses that were not as expected.
type story struct {
	page
	ctx   context.Context
	world *world
	wrong int
	err   error

	clientID, secret, nextSecret, token string
}

func (s *story) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wrong++
}

func (s *story) failure() error {
	switch {
	case s.err != nil:
		return s.err
	case s.wrong > 0:
		return fmt.Errorf("%d answers were not as expected", s.wrong)
	}
	return nil
}

func (s *story) expect(ok bool, what string) {
	s.check(ok, what)
	if !ok {
		s.wrong++
	}
}

func (s *story) tell() {
	fmt.Fprint(s.w, "An authority, an HTTP API and a gRPC API run on loopback. ")
	if s.verbose {
		fmt.Fprintln(s.w, "Requests are\nmarked >, answers <, and checks =.")
	} else {
		fmt.Fprintln(s.w, "-v shows each call.")
	}

	s.register()
	s.getToken()
	s.callWithToken()
	s.callBeyondScope()
	s.callWithBadTokens()
	s.rotateSecret()
	s.rotateSigningKey()
	s.loseAuthority()

	s.end()
	if s.verbose {
		fmt.Fprintln(s.w)
	}
	if s.wrong == 0 {
		fmt.Fprintf(s.w, "All %d steps went as expected.\n", s.chapters)
	}
}

const noError, invalid = `Bearer realm="api", scope="read:orders"`, `Bearer realm="api", error="invalid_token"`

func (s *story) register() {
	s.chapter("A service is registered, with scopes and metadata")
	code, _, answer := s.exchange("POST", s.world.authority.URL()+"/v1/m2m/clients", s.projectCredentials(), "application/json",
		`{"client_name":"reporting","scopes":["read:orders"],"trusted_metadata":{"team":"billing"}}`)
	client, _ := answer["m2m_client"].(map[string]any)
	s.clientID, _ = client["client_id"].(string)
	s.secret, _ = client["client_secret"].(string)
	s.expect(code == 201 && s.clientID != "" && s.secret != "", "it has an ID, and a secret that is shown only now")
}

func (s *story) projectCredentials() string {
	pair := s.world.authority.ProjectID() + ":" + s.world.authority.Secret()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// exchangeSecret requests a token from the token endpoint (RFC 6749 §4.4).
func (s *story) exchangeSecret(secret string) (status int, token string) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {s.clientID},
		"client_secret": {secret},
	}
	status, _, answer := s.exchange("POST", s.world.authority.TokenURL(), "", "application/x-www-form-urlencoded", form.Encode(), secret)
	token, _ = answer["access_token"].(string)
	return status, token
}

func (s *story) getToken() {
	s.chapter("It exchanges its secret for a token that lasts an hour")
	code, token := s.exchangeSecret(s.secret)
	s.token = token
	s.expect(code == 200 && strings.Count(token, ".") == 2, "a JWT, which the APIs verify locally")
}

func (s *story) callWithToken() {
	s.chapter("It calls both APIs with the token")
	s.expect(s.callHTTP("GET", s.token, 200, ""), "accepted; the handler knows the client")
	s.expect(s.callGRPC("List", s.token, codes.OK, ""), "accepted")
}

func (s *story) callBeyondScope() {
	s.chapter("It calls what its scopes do not permit")
	const challenge = `Bearer realm="api", error="insufficient_scope", scope="write:orders"`
	s.expect(s.callHTTP("POST", s.token, 403, challenge), "refused; the challenge names the scope")
	s.expect(s.callGRPC("Create", s.token, codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "refused")
}

func (s *story) callWithBadTokens() {
	a := s.world.authority
	s.chapter("Calls without a good token are refused")
	s.say("No token at all:")
	s.expect(s.callHTTP("GET", "", 401, noError), "refused, without an error code (RFC 6750 §3.1)")
	s.expect(s.callGRPC("List", "", codes.Unauthenticated, "CREDENTIALS_MISSING"), "refused")

	granted := []string{"read:orders"}
	stranger := m2mtest.NewKey("RS256")
	for _, bad := range []struct{ what, token, reason string }{
		{"A token that has expired:",
			a.Token(m2mtest.TokenSpec{ClientID: s.clientID, Scopes: granted, ExpiresAt: time.Now().Add(-time.Hour)}),
			"ACCESS_TOKEN_EXPIRED"},
		{"A token that a stranger signed, under the authority's key ID:",
			a.Token(m2mtest.TokenSpec{ClientID: s.clientID, Scopes: granted, Key: stranger, Header: map[string]any{"kid": a.Keys()[0]}}),
			"ACCESS_TOKEN_INVALID"},
		{"A user's session token, which the authority signed with the same key:",
			a.Token(m2mtest.TokenSpec{ClientID: "user-test-1", Claims: map[string]any{
				"scope": m2mtest.Absent, "https://stytch.com/session": map[string]any{"id": "session-test-1"}}}),
			"ACCESS_TOKEN_INVALID"},
	} {
		s.say(bad.what)
		s.expect(s.callHTTP("GET", bad.token, 401, invalid), "refused")
		s.expect(s.callGRPC("List", bad.token, codes.Unauthenticated, bad.reason), "refused")
	}
}

func (s *story) rotateSecret() {
	s.chapter("Its secret is rotated, and nothing stops meanwhile")
	base := s.world.authority.URL() + "/v1/m2m/clients/" + s.clientID + "/secrets/rotate"
	code, _, answer := s.exchange("POST", base+"/start", s.projectCredentials(), "", "")
	client, _ := answer["m2m_client"].(map[string]any)
	s.nextSecret, _ = client["next_client_secret"].(string)
	s.expect(code == 200 && s.nextSecret != "", "there is a second secret")

	s.say("The old secret and the new one both work:")
	oldCode, _ := s.exchangeSecret(s.secret)
	newCode, token := s.exchangeSecret(s.nextSecret)
	s.expect(oldCode == 200 && newCode == 200, "both do")

	s.say("The rotation is completed:")
	code, _, _ = s.exchange("POST", base, s.projectCredentials(), "", "")
	s.expect(code == 200, "the new secret is the only one")
	oldCode, _ = s.exchangeSecret(s.secret)
	s.expect(oldCode == 401, "the old one is refused")
	s.secret, s.token = s.nextSecret, token
}

func (s *story) rotateSigningKey() {
	s.chapter("The authority rotates its signing key")
	before := s.world.authority.Keys()[0]
	after := s.world.authority.RotateKeys()
	s.say("It signed with " + before + ".")
	s.say("It signs with  " + after + " from now on.")
	s.say("A token of the new key, which the APIs have not seen:")
	_, fresh := s.exchangeSecret(s.secret)
	s.expect(s.callHTTP("GET", fresh, 200, ""), "accepted: the key was fetched during the call")
	s.say("A token of the old key:")
	s.expect(s.callGRPC("List", s.token, codes.OK, ""), "accepted: the old key is still published")
	s.token = fresh
}

func (s *story) loseAuthority() {
	s.chapter("The authority goes down")
	s.world.authority.Fail(m2mtest.Outage{Status: http.StatusServiceUnavailable})
	code, _ := s.exchangeSecret(s.secret)
	s.expect(code == 503, "no new tokens")
	err := s.world.verifier.Refresh(s.ctx)
	status := s.world.verifier.Status()[0]
	s.say(fmt.Sprintf("The APIs' keys: %s, last error: %v.", status.State, status.LastError))
	s.expect(err != nil && status.State == "stale", "the keys they have still serve")
	s.expect(s.callHTTP("GET", s.token, 200, ""), "accepted as before")
	s.expect(s.callGRPC("List", s.token, codes.OK, ""), "accepted as before")
}
