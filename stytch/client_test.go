package stytch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestClientLifecycle(t *testing.T) {
	ctx := t.Context()
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	c := newClient(t, a, stytch.Options{})

	made, secret, err := c.CreateClient(ctx, stytch.CreateParams{
		Name: "billing", Description: "bills", Scopes: []string{"read:users"},
		TrustedMetadata: map[string]any{"n": 1, "drop": "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.ID, "m2m-client-test-") || made.Status != stytch.Active || made.Name != "billing" ||
		made.Description != "bills" || string(made.TrustedMetadata["n"]) != "1" || !slices.Equal(made.Scopes, []string{"read:users"}) {
		t.Errorf("created %+v", made)
	}
	if text := secret.Reveal(); len(text) < 40 || !strings.HasSuffix(text, made.SecretLastFour) {
		t.Error("the secret is not the one that was made")
	}
	got, err := c.GetClient(ctx, made.ID)
	if err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("GetClient: %+v, %v; want %+v", got, err, made)
	}

	updated, err := c.UpdateClient(ctx, made.ID, stytch.UpdateParams{
		Name: new("accounting"), Status: new(stytch.Inactive), Scopes: []string{},
		TrustedMetadata: map[string]any{"drop": nil},
	})
	if err != nil || updated.Name != "accounting" || updated.Description != "bills" || updated.Status != stytch.Inactive ||
		len(updated.Scopes) != 0 || len(updated.TrustedMetadata) != 1 {
		t.Errorf("UpdateClient: %+v, %v", updated, err)
	}
	if same, err := c.UpdateClient(ctx, made.ID, stytch.UpdateParams{}); err != nil || !reflect.DeepEqual(same, updated) {
		t.Errorf("an empty update: %+v, %v", same, err)
	}
	if err := c.DeleteClient(ctx, made.ID); err != nil {
		t.Errorf("DeleteClient: %v", err)
	}
	if err := c.DeleteClient(ctx, made.ID); !errors.Is(err, stytch.ClientNotFound) {
		t.Errorf("DeleteClient again: %v", err)
	}
}

func TestImportClient(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	c := newClient(t, a, stytch.Options{})
	const id, secret = "legacy|a%2Fb", "kR8-legacy-42z"
	made, got, err := c.CreateClient(t.Context(), stytch.CreateParams{ID: id, Secret: stytch.NewSecret(secret)})
	if err != nil || made.ID != id || got.Reveal() != secret {
		t.Fatalf("%+v, %v", made, err)
	}
	if again, err := c.GetClient(t.Context(), id); err != nil || again.ID != id {
		t.Errorf("GetClient: %+v, %v", again, err)
	}
}

func TestRotation(t *testing.T) {
	ctx := t.Context()
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	c := newClient(t, a, stytch.Options{})
	id, _ := a.CreateClient("worker")

	started, next, err := c.StartRotation(ctx, id)
	if err != nil || started.NextSecretLastFour == "" || !strings.HasSuffix(next.Reveal(), started.NextSecretLastFour) {
		t.Fatalf("StartRotation: %+v, %v", started, err)
	}
	if _, _, err := c.StartRotation(ctx, id); !errors.Is(err, stytch.AlreadyRotating) {
		t.Errorf("StartRotation again: %v", err)
	}
	cancelled, err := c.CancelRotation(ctx, id)
	if err != nil || cancelled.NextSecretLastFour != "" || cancelled.SecretLastFour != started.SecretLastFour {
		t.Errorf("CancelRotation: %+v, %v", cancelled, err)
	}
	if _, err := c.CancelRotation(ctx, id); !errors.Is(err, stytch.NotRotating) {
		t.Errorf("CancelRotation again: %v", err)
	}
	if _, next, err = c.StartRotation(ctx, id); err != nil {
		t.Fatal(err)
	}
	done, err := c.CompleteRotation(ctx, id)
	if err != nil || done.NextSecretLastFour != "" || !strings.HasSuffix(next.Reveal(), done.SecretLastFour) {
		t.Errorf("CompleteRotation: %+v, %v", done, err)
	}
	if _, err := c.CompleteRotation(ctx, id); !errors.Is(err, stytch.NotRotating) {
		t.Errorf("CompleteRotation again: %v", err)
	}
}

func TestSearch(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	c := newClient(t, a, stytch.Options{})
	var ids []string
	for i := range 7 {
		id, _ := a.CreateClient(fmt.Sprintf("n%d", i), []string{"even", "odd"}[i%2])
		ids = append(ids, id)
	}
	for _, tt := range []struct {
		name string
		p    stytch.SearchParams
		want []string
	}{
		{"all on one page", stytch.SearchParams{}, ids},
		{"all by pages of 3", stytch.SearchParams{PageSize: 3}, ids},
		{"all by pages of 7", stytch.SearchParams{PageSize: 7}, ids},
		{"by scope, paged", stytch.SearchParams{Scopes: []string{"odd"}, PageSize: 2}, []string{ids[1], ids[3], ids[5]}},
		{"by ID and name", stytch.SearchParams{IDs: ids[:3], Names: []string{"n2", "n3"}}, ids[2:3]},
		{"by ID or name", stytch.SearchParams{IDs: ids[:2], Names: []string{"n3"}, Any: true}, []string{ids[0], ids[1], ids[3]}},
		{"nobody", stytch.SearchParams{Names: []string{"x"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for machine, err := range c.SearchClients(t.Context(), tt.p) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, machine.ID)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	t.Run("stops with the loop", func(t *testing.T) {
		d := &stytchtest.Transport{Handler: a}
		c := newClient(t, a, stytch.Options{Transport: d})
		for range c.SearchClients(t.Context(), stytch.SearchParams{PageSize: 2}) {
			break
		}
		if d.Count() != 1 {
			t.Errorf("%d requests, want 1", d.Count())
		}
	})
	for name, p := range map[string]stytch.SearchParams{
		"Names is empty": {Names: []string{}}, "PageSize is -1": {PageSize: -1}, "PageSize is 1001": {PageSize: 1001},
	} {
		n := 0
		for _, err := range c.SearchClients(t.Context(), p) {
			if n++; err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results", name, n)
		}
	}
}

// TestSearchEnds checks that the loop ends if a server repeats a cursor.
func TestSearchEnds(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"m2m_clients":[],"results_metadata":{"total":1,"next_cursor":"same"}}`)
	})
	d := &stytchtest.Transport{Handler: h}
	c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d})
	var last error
	for _, err := range c.SearchClients(t.Context(), stytch.SearchParams{}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "next_cursor") || d.Count() != 2 {
		t.Errorf("%v after %d requests", last, d.Count())
	}
}

func TestError(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	_, err := newClient(t, a, stytch.Options{}).GetClient(t.Context(), "m2m-client-test-none")
	e, ok := errors.AsType[*stytch.Error](err)
	if !ok || e.Call != "GetClient" || e.Status != 404 || e.Type != stytch.ClientNotFound ||
		!strings.HasPrefix(e.RequestID, "request-id-test-") || e.Message == "" || e.RetryAfter != 0 {
		t.Errorf("%#v", err)
	}
	if !errors.Is(err, stytch.ClientNotFound) || errors.Is(err, stytch.NotRotating) || errors.Is(err, stytch.ErrorType("")) {
		t.Error("errors.Is is wrong")
	}

	other, err := stytch.New(a.ProjectID(), stytch.NewSecret("secret-test-wrong"), &stytch.Options{
		BaseURL: a.URL(), Transport: &stytchtest.Transport{Handler: a},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = other.CreateClient(t.Context(), stytch.CreateParams{})
	if e, ok := errors.AsType[*stytch.Error](err); !ok || e.Status != 401 || e.Type != stytch.UnauthorizedCredentials {
		t.Errorf("wrong secret: %v", err)
	}
}

// TestAnswers checks the errors for unexpected responses.
func TestAnswers(t *testing.T) {
	const secret = "secret-test-hush"
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string // in the error
	}{
		{"another client", 200, nil, `{"m2m_client":{"client_id":"other"}}`, "about another client"},
		{"no JSON", 200, nil, `<html>` + secret, "not the expected JSON"},
		{"a duplicate member", 200, nil, `{"m2m_client":{"client_id":"id","client_id":"other"}}`, "not the expected JSON"},
		{"a redirect", 307, http.Header{"Location": {"https://example.com/"}}, "", "HTTP status 307"},
		{"an error of another", 403, nil, "<html>no</html>", "HTTP status 403"},
		{"a secret in an error", 400, nil, `{"error_type":"x","error_message":"bad ` + secret + `"}`, `x: "bad [redacted]"`},
		{"control characters", 400, nil, `{"error_type":"x","error_message":"a\u001b[2Jb"}`, `"a\x1b[2Jb"`},
		{"too long", 200, nil, strings.Repeat(" ", 16<<20+1), "more than 16777216 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for name, values := range tt.header {
					w.Header()[name] = values
				}
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			})}
			c, err := stytch.New(stytchtest.Project, stytch.NewSecret(secret), &stytch.Options{BaseURL: "http://[::1]:1", Transport: d})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.GetClient(t.Context(), "id")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if d.Count() != 1 {
				t.Errorf("%d requests", d.Count())
			}
		})
	}
}

func TestMalformedClientID(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	d := &stytchtest.Transport{Handler: a}
	c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d})
	for _, id := range []string{"", ".", "..", strings.Repeat("x", 257)} {
		if err := c.DeleteClient(t.Context(), id); err == nil || !strings.Contains(err.Error(), "malformed client ID") {
			t.Errorf("%.5q: %v", id, err)
		}
	}
	if d.Count() != 0 {
		t.Error("a request was sent")
	}
}

func TestContextEnds(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	synctest.Test(t, func(t *testing.T) {
		a.Fail(m2mtest.Outage{Hang: true})
		c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: &stytchtest.Transport{Handler: a}})
		cause := errors.New("shutting down")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, cause)
		defer cancel()
		began := time.Now()
		if _, err := c.GetClient(ctx, "id"); !errors.Is(err, cause) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		a.Restore()
	})
}
