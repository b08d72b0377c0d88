package verifier_test

import (
	"maps"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// active returns an answer for a machine. more replaces members; nil removes one.
func active(more map[string]any) map[string]any {
	a := map[string]any{"active": true, "aud": "https://api.example.com", "client_id": "c", "sub": "c", "scope": "read:users"}
	maps.Copy(a, more)
	for name, v := range more {
		if v == nil {
			delete(a, name)
		}
	}
	return a
}

// TestIntrospectedAnswer: each rule about an answer.
func TestIntrospectedAnswer(t *testing.T) {
	type m = map[string]any
	now := time.Now()
	for _, tt := range []struct {
		name   string
		more   m
		change func(*verifier.Issuer)
		want   verifier.Reason
	}{
		{"a machine", nil, nil, ""},
		{"scopes as an array", m{"scope": []string{"read:users"}}, nil, ""},
		{"without exp", m{"exp": nil}, nil, ""},
		{"active is false, and nothing else counts", m{"active": false, "aud": 7}, nil, verifier.Inactive},
		{"active is a string", m{"active": "true"}, nil, verifier.IntrospectionUnavailable},
		{"active is a number", m{"active": 1}, nil, verifier.IntrospectionUnavailable},
		{"active is missing", m{"active": nil}, nil, verifier.IntrospectionUnavailable},
		{"no audience", m{"aud": nil}, nil, verifier.Audience},
		{"no audience, allowed", m{"aud": nil}, func(i *verifier.Issuer) { i.AllowNoAudience = true }, ""},
		{"another audience, none allowed", m{"aud": "other"}, func(i *verifier.Issuer) { i.AllowNoAudience = true }, verifier.Audience},
		{"another audience", m{"aud": []string{"other"}}, nil, verifier.Audience},
		{"the issuer", m{"iss": "https://opaque.example.com"}, nil, ""},
		{"another issuer", m{"iss": "https://other.example.com"}, nil, verifier.UnknownIssuer},
		{"the issuer is a number", m{"iss": 1}, nil, verifier.UnknownIssuer},
		{"token_type bearer", m{"token_type": "bearer"}, nil, ""},
		{"token_type N_A", m{"token_type": "N_A"}, nil, verifier.TokenType},
		{"token_type DPoP without a key", m{"token_type": "DPoP"}, nil, verifier.Bound},
		{"a refresh token, by token_use", m{"token_use": "refresh_token"}, nil, verifier.TokenType},
		{"an ID token, by token_use", m{"token_use": "id"}, nil, verifier.TokenType},
		{"an access token, by token_use", m{"token_use": "access_token"}, nil, ""},
		{"a refresh token, by typ", m{"typ": "Refresh"}, nil, verifier.TokenType},
		{"an ID token, by typ", m{"typ": "ID"}, nil, verifier.TokenType},
		{"an access token, by typ", m{"typ": "at+jwt"}, nil, ""},
		{"a type of the configuration that is as long as DPoP", m{"typ": "JOSE"}, func(i *verifier.Issuer) { i.TokenTypes = []string{"JOSE"} }, ""},
		{"a person, by username", m{"username": "alice"}, nil, verifier.NotMachine},
		{"a person, by sub", m{"sub": "alice"}, nil, verifier.NotMachine},
		{"a user name that is the client's", m{"username": "c"}, nil, ""},
		{"no client ID", m{"client_id": nil}, nil, verifier.ClientIDMissing},
		{"expired", m{"exp": now.Add(-time.Hour).Unix()}, nil, verifier.Expired},
		{"not yet valid", m{"nbf": now.Add(time.Hour).Unix()}, nil, verifier.NotYetValid},
		{"exp is a string", m{"exp": "soon"}, nil, verifier.ClaimMalformed},
		{"bound to a certificate", m{"cnf": m{"x5t#S256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, nil, verifier.Bound},
		{"bound to a DPoP key, which is not understood", m{"cnf": m{"jkt": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, nil, verifier.Bound},
		{"bound to something else", m{"cnf": m{"kid": "k"}}, nil, verifier.Bound},
		{"bound to nothing", nil, func(i *verifier.Issuer) { i.RequireBound = true }, verifier.Unbound},
		{"older than MaxTokenAge", m{"iat": now.Add(-time.Hour).Unix()}, func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }, verifier.TooOld},
		{"no iat for MaxTokenAge", nil, func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }, verifier.ClaimMalformed},
		{"issued for longer than MaxTokenLife", m{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()},
			func(i *verifier.Issuer) { i.MaxTokenLife = time.Minute }, verifier.TooLongLived},
		{"without exp, older than MaxTokenLife", m{"iat": now.Add(-time.Hour).Unix()},
			func(i *verifier.Issuer) { i.MaxTokenLife = time.Minute }, verifier.TooLongLived},
		{"without exp, younger than MaxTokenLife", m{"iat": now.Unix()}, func(i *verifier.Issuer) { i.MaxTokenLife = time.Hour }, ""},
		{"without exp and iat, with MaxTokenLife", nil, func(i *verifier.Issuer) { i.MaxTokenLife = time.Hour }, verifier.TooLongLived},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(tt.more))
			v := o.trust(t, func(c *verifier.Config) {
				if tt.change != nil {
					tt.change(&c.Issuers[0])
				}
			})
			for _, sight := range []string{"first", "second"} {
				c, err := v.Verify(t.Context(), "opaque")
				if reasonOf(err) != tt.want {
					t.Errorf("Verify, %s sight = %v, want %q", sight, err, tt.want)
				}
				if err == nil && (c.ID != "c" || c.Issuer != "https://opaque.example.com" || !scopes.All("read:users").MetBy(c.Scopes)) {
					t.Errorf("Verify, %s sight = %+v, want client c with read:users", sight, c)
				}
			}
			if n := o.count("opaque"); n != 1 {
				t.Errorf("%d questions, want 1", n)
			}
		})
	}
}
