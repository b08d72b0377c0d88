package clientauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// Style names a way to send a secret, as metadata does (RFC 8414 §2).
type Style string

// The Styles.
const (
	Basic Style = "client_secret_basic"
	Post  Style = "client_secret_post"
)

// Secret authenticates with an ID and a secret (RFC 6749 §2.3.1). It is a
// function so that fmt and others, which print values by reflection, can't reach
// a secret that it holds. It returns the pair of the moment.
type Secret func(context.Context) (clientID, secret string, err error)

// Check implements [Method].
func (f Secret) Check(Server) error {
	if f == nil {
		return errors.New("field Credentials: the function is nil: want one that returns the client's ID and secret")
	}
	return nil
}

// Authenticate implements [Method].
func (f Secret) Authenticate(ctx context.Context, s Server, r *Request) (Used, error) {
	id, secret, err := f(ctx)
	used := Used{ClientID: id, Version: version(id, secret)}
	if secret != "" {
		used.Secrets = []string{secret, pair(id, secret)}
	}
	switch {
	case err != nil:
		return used, err
	case id == "" || secret == "":
		return used, errors.New("empty ClientID or ClientSecret")
	}
	if used.Style, used.Other, err = s.style(id, secret); err != nil {
		return used, err
	}
	if used.Style == Basic {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair(id, secret))))
		return used, nil
	}
	r.Form.Set("client_id", id)
	r.Form.Set("client_secret", secret)
	return used, nil
}

// pair returns the user-pass of Basic. Both halves are form-encoded first (RFC
// 6749 §2.3.1), so that a colon in the ID can't shift the border.
func pair(id, secret string) string { return url.QueryEscape(id) + ":" + url.QueryEscape(secret) }

// style returns how to send a secret, and how else if the authority refuses it.
// Every authority must support Basic (RFC 6749 §2.3.1), and it is the default of
// metadata without a list (RFC 8414 §2). But some authorities don't decode its
// halves: where the encoding changes the ID or the secret, the form comes first.
// And some accept a client by the method alone that it was registered with, which
// neither a list of both nor the lack of metadata tells.
func (s Server) style(id, secret string) (first, other Style, err error) {
	basic, post := slices.Contains(s.Methods, string(Basic)), slices.Contains(s.Methods, string(Post))
	switch {
	case s.Style != "":
		return s.Style, "", nil
	case basic && post && pair(id, secret) != id+":"+secret:
		return Post, Basic, nil
	case basic && post, s.Methods == nil:
		return Basic, Post, nil
	case basic:
		return Basic, "", nil
	case post:
		return Post, "", nil
	}
	shown := make([]string, len(s.Methods))
	for i, method := range s.Methods {
		shown[i] = redact.Quote(method)
	}
	return "", "", fmt.Errorf("the authority accepts no client secret: its metadata lists %s", shown)
}
