package main

import (
	"crypto/rand"
	"net/http"
	"sync"

	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// This file stands in for the SaaS's own login. It asks for no password.

var users = map[string]tenants.Caller{
	"ann": {Tenant: "acme", Actor: "ann@acme.example"},
	"bob": {Tenant: "globex", Actor: "bob@globex.example"},
}

var sessions sync.Map // the cookie's value -> tenants.Caller

func login(w http.ResponseWriter, r *http.Request) {
	caller, ok := users[r.PathValue("user")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	session := rand.Text()
	sessions.Store(session, caller)
	// In production also Secure, and a name that begins with "__Host-".
	http.SetCookie(w, &http.Cookie{Name: "session", Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func signedIn(r *http.Request) (tenants.Caller, bool) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return tenants.Caller{}, false
	}
	caller, ok := sessions.Load(cookie.Value)
	if !ok {
		return tenants.Caller{}, false
	}
	return caller.(tenants.Caller), true
}
