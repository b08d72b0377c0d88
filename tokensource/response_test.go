package tokensource_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/tokensource"
)

func TestResponses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string // in the error; "" for a token that lives for life
		life   time.Duration
	}{
		{"RFC 6749 §5.1", 200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"example","expires_in":3600}`, "not bearer", 0},
		{"Stytch", 200, `{"status_code":200,"request_id":"request-id-test-1","access_token":"a.b.c","token_type":"bearer","expires_in":3600}`, "", time.Hour},
		{"Auth0", 200, `{"access_token":"a.b.c","scope":"read:orders","expires_in":86400,"token_type":"Bearer"}`, "", 24 * time.Hour},
		{"Entra", 200, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"a.b.c"}`, "", 3599 * time.Second},
		{"Entra v1 and PayPal: a number as text", 200, `{"token_type":"Bearer","expires_in":"3599","expires_on":"1800000000","access_token":"a.b.c"}`, "", 3599 * time.Second},
		{"Keycloak", 200, `{"access_token":"a.b.c","expires_in":300,"refresh_expires_in":0,"token_type":"Bearer","not-before-policy":0,"scope":"email"}`, "", 5 * time.Minute},
		{"a fraction", 200, `{"access_token":"a","token_type":"Bearer","expires_in":60.5}`, "", time.Minute},
		{"a century", 200, `{"access_token":"a","token_type":"Bearer","expires_in":3153600000}`, "", 366 * 24 * time.Hour},
		{"201", 201, `{"access_token":"a","token_type":"Bearer","expires_in":60}`, "", time.Minute},
		{"Salesforce's characters", 200, `{"access_token":"00D!AQ.x_=","token_type":"Bearer","expires_in":60}`, "", time.Minute},

		{"no expiry", 200, `{"access_token":"a.b.c","token_type":"bearer"}`, "expires_in", 0},
		{"a null expiry", 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":null}`, "expires_in", 0},
		{"a negative expiry", 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":-1}`, "no positive expires_in", 0},
		{"no time at all", 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":0}`, "no positive expires_in", 0},
		{"an expiry in words", 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":"soon"}`, "no positive expires_in", 0},
		{"not a number", 200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":"NaN"}`, "no positive expires_in", 0},
		{"another type", 200, `{"access_token":"a.b.c","token_type":"DPoP","expires_in":60}`, "not bearer", 0},
		{"no type", 200, `{"access_token":"a.b.c","expires_in":60}`, "not bearer", 0},
		{"no token", 200, `{"token_type":"bearer","expires_in":60}`, "missing access_token", 0},
		{"a token with a line break", 200, `{"access_token":"a.b.c\r\nx: y","token_type":"bearer","expires_in":60}`, "spaces", 0},
		{"a token with a space", 200, `{"access_token":"a.b.c d","token_type":"bearer","expires_in":60}`, "spaces", 0},
		{"a long token", 200, `{"access_token":"` + strings.Repeat("a", 70<<10) + `","token_type":"bearer","expires_in":60}`, "71680 bytes", 0},
		{"two tokens", 200, `{"access_token":"a.b.c","access_token":"a.b.d","token_type":"bearer","expires_in":60}`, "duplicate member", 0},
		{"a proxy's page", 200, `<html>a.b.c</html>`, "cannot parse json", 0},
		{"nothing", 200, ``, "cannot parse json", 0},
		{"a huge answer", 200, `{"x":"` + strings.Repeat("x", 300<<10) + `"}`, "too long", 0},
		{"an error with 200", 200, `{"error":"server_error","access_token":"a.b.c"}`, `HTTP status 200, error "server_error"`, 0},
		{"a redirect", 307, ``, `HTTP status 307`, 0},
		{"an error", 400, `{"error":"invalid_scope","error_description":"a.b.c"}`, `HTTP status 400, error "invalid_scope"`, 0},
		{"an error that is no code", 400, `{"error":"<a.b.c>"}`, `HTTP status 400`, 0},
		{"an error that repeats the secret", 400, `{"error":"` + secret + `"}`, `HTTP status 400`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
				a.answer = func(int, *http.Request) (*http.Response, error) {
					return response(tt.status, tt.body, "Location", "https://evil.example.com"), nil
				}
				got, err := s.Token()
				a.wantFetches(t, 1)
				if tt.want == "" {
					if err != nil || time.Until(got.Expiry) != tt.life {
						t.Errorf("Token() = %v, %v, want one for %v", got, err, tt.life)
					}
					return
				}
				wantError(t, "Token()", err, tt.want)
				if err == nil || strings.Contains(err.Error(), "a.b.c") || strings.Contains(err.Error(), secret) {
					t.Errorf("Token() = %v, %v, want an error without the answer", got, err)
				}
			})
		})
	}
}

func TestResponseScope(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.answer = func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"a","token_type":"Bearer","expires_in":60,"scope":"read:users"}`), nil
		}
		if got, err := s.Token(); err != nil || got.Extra("scope") != "read:users" {
			t.Errorf("Token() = %v, %v, want its scope", got, err)
		}
	})
}
