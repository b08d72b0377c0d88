package authorities_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"golang.org/x/oauth2"
)

// TestMatrix gets a token of each kind by each credential from each authority, and
// verifies it. Each table that it prints is one client's.
func TestMatrix(t *testing.T) {
	for _, start := range []func(*testing.T) authority{
		func(t *testing.T) authority { a, _ := oidcProvider(t); return a },
		func(t *testing.T) authority { a, _ := hydra(t); return a },
		func(t *testing.T) authority { a, _ := zitadel(t); return a },
	} {
		t.Run("authority", func(t *testing.T) {
			a := start(t)
			all := credentials(t, a.ca)
			for _, c := range all {
				if !a.lacks(c) {
					a.register(t, c)
				}
			}
			v := a.verifier(t)
			matrix(t, a, v, all, "golang.org/x/oauth2 (control)", fetchControl)
			matrix(t, a, v, all, "tokensource, by TokenURL", fetchSource(false))
			matrix(t, a, v, all, "tokensource, by Issuer", fetchSource(true))
		})
	}
}

func matrix(t *testing.T, a authority, v *verifier.Verifier, all []credential, client string, get fetch) {
	t.Helper()
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "credential")
	for _, col := range a.columns {
		fmt.Fprintf(table, "\t%s", col.name)
	}
	fmt.Fprintln(table, "\twrong one")
	var lacking []string
	for _, c := range all {
		if a.lacks(c) {
			lacking = append(lacking, c.name)
			continue
		}
		fmt.Fprint(table, c.name)
		for _, col := range a.columns {
			c := c
			c.clientID += col.suffix
			cell, err := try(t.Context(), t, a, v, c, col, get)
			if errors.Is(err, errNotYet) {
				cell = "not yet"
			} else if err != nil {
				t.Errorf("%s by %s: %s, %s: %v", a.name, client, c.name, col.name, err)
				cell = "FAILED"
			}
			fmt.Fprintf(table, "\t%s", cell)
		}
		fmt.Fprintf(table, "\t%s\n", refusal(t, a, c, get))
	}
	table.Flush()
	if lacking != nil {
		fmt.Fprintf(&out, "not supported: %s\n", strings.Join(lacking, "; "))
	}
	t.Logf("%s by %s\n%s", a.name, client, &out)
}

// try gets one token and returns how it was verified.
func try(ctx context.Context, t *testing.T, a authority, v *verifier.Verifier, c credential, col column, get fetch) (string, error) {
	token, err := get(ctx, t, a, c, col.resource)
	if err != nil {
		return "", err
	}
	wantType := "Bearer"
	if c.proof != nil {
		wantType = "DPoP"
	}
	if got := token.Type(); got != wantType {
		return "", fmt.Errorf("token_type = %q, want %q", got, wantType)
	}
	if token.Expiry.IsZero() {
		return "", errors.New("the token has no expiry")
	}
	if col.opaque {
		return introspected(ctx, t, a, c, token)
	}
	return verified(ctx, v, c, token)
}

func introspected(ctx context.Context, t *testing.T, a authority, c credential, token *oauth2.Token) (string, error) {
	answer := a.introspect(ctx, t, token.AccessToken)
	if !answer.Active || answer.ClientID != c.clientID || answer.Scope != "read:users" {
		return "", fmt.Errorf("introspection = %+v, want active, client_id %q and scope read:users", answer, c.clientID)
	}
	switch {
	case c.proof != nil:
		return "active, jkt", want(answer.Cnf["jkt"] != "", "introspection has no cnf.jkt")
	case c.bound():
		return "active, x5t", want(answer.Cnf["x5t#S256"] != "", "introspection has no cnf.x5t#S256")
	}
	return "active", nil
}

func verified(ctx context.Context, v *verifier.Verifier, c credential, token *oauth2.Token) (string, error) {
	need := scopes.All("read:users")
	req := verifier.Request{Authorization: []string{"Bearer " + token.AccessToken}}
	if c.proof != nil || c.bound() { // without the proof or the certificate it is worth nothing
		if _, err := v.Authorize(ctx, req, need); !errors.Is(err, verifier.Bound) {
			return "", fmt.Errorf("Authorize(without what it is bound to) = %v, want %v", err, verifier.Bound)
		}
	}
	if c.proof != nil {
		return "bound by jkt", nil
	}
	if c.bound() {
		req.PeerCertificates = []*x509.Certificate{c.cert.Leaf}
	}
	allowed, err := v.Authorize(ctx, req, need)
	if err != nil {
		return "", err
	}
	client, _ := verifier.ClientFromContext(allowed)
	if client.ID != c.clientID {
		return "", fmt.Errorf("Client.ID = %q, want %q", client.ID, c.clientID)
	}
	if c.bound() {
		return "verified, x5t", nil
	}
	return "verified", nil
}

// refusal returns the error code of an unregistered credential of the same kind.
func refusal(t *testing.T, a authority, c credential, get fetch) string {
	t.Helper()
	wrong := c.wrong(t, a.ca)
	_, err := get(t.Context(), t, a, wrong, a.columns[0].resource)
	if errors.Is(err, errNotYet) {
		return "not yet"
	}
	var failed *oauth2.RetrieveError
	if !errors.As(err, &failed) {
		t.Errorf("%s, a wrong one: error = %v, want an *oauth2.RetrieveError", c.name, err)
		return "FAILED"
	}
	got := fmt.Sprintf("%d %s", failed.Response.StatusCode, errorCode(failed))
	if want := a.refusal(c); got != want {
		t.Errorf("%s, a wrong one = %s, want %s", c.name, got, want)
	}
	for _, secret := range []string{c.secret, wrong.secret} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%s, a wrong one: the error holds the secret", c.name)
		}
	}
	return got
}

func want(ok bool, otherwise string) error {
	if ok {
		return nil
	}
	return errors.New(otherwise)
}
