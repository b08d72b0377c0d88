package main

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

//go:embed page
var files embed.FS

// account serves the page for people, and its JSON API.
func account(registry *tenants.Tenants) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /account/", http.StripPrefix("/account", http.FileServerFS(must(fs.Sub(files, "page")))))
	mux.HandleFunc("POST /account/login/{user}", login)
	for _, pattern := range []string{"GET /account/clients", "POST /account/clients", "POST /account/clients/{id}/{act}"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, out := serve(w, r, registry)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	protected := new(http.CrossOriginProtection).Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		protected.ServeHTTP(w, r)
	})
}

type request struct {
	tenants.Registration        // of a new machine; its name alone for a rename
	LastFour             string `json:"last_four"`
}

type response struct {
	Tenant  string           `json:"tenant,omitempty"`
	Scopes  []string         `json:"scopes,omitempty"`
	Clients []tenants.Client `json:"clients,omitempty"`
	Secret  string           `json:"secret,omitempty"` // shown once
	Error   string           `json:"error,omitempty"`
}

// serve answers a call of the JSON API. The tenant comes from the session alone.
func serve(w http.ResponseWriter, r *http.Request, registry *tenants.Tenants) (int, response) {
	caller, ok := signedIn(r)
	if !ok {
		return http.StatusUnauthorized, response{Error: "sign in first"}
	}
	in := request{Registration: tenants.Registration{Key: r.Header.Get("Idempotency-Key")}}
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields() // such as "client_id"
	if err := body.Decode(&in); err != nil && err != io.EOF {
		return http.StatusBadRequest, response{Error: "the body is not the expected JSON"}
	}
	clients, secret, err := do(r, registry.For(caller), in)
	if e, failed := errors.AsType[*tenants.Error](err); failed {
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())+1))
		}
		return e.Reason.HTTPStatus(), response{Error: e.Error()}
	}
	return http.StatusOK, response{Tenant: caller.Tenant, Scopes: permitted, Clients: clients, Secret: secret.Reveal()}
}

func do(r *http.Request, mine *tenants.Clients, in request) (all []tenants.Client, secret stytch.Secret, err error) {
	var one tenants.Client
	ctx, id := r.Context(), r.PathValue("id")
	switch act := r.PathValue("act"); {
	case r.Method == http.MethodGet:
		all, err = mine.List(ctx)
		return all, stytch.Secret{}, err
	case id == "":
		one, secret, err = mine.Register(ctx, in.Registration)
	case act == "rename":
		one, err = mine.Rename(ctx, id, in.Name)
	case act == "disable":
		one, err = mine.Disable(ctx, id)
	case act == "enable":
		one, err = mine.Enable(ctx, id)
	case act == "rotate":
		one, secret, err = mine.StartRotation(ctx, id)
	case act == "complete":
		one, err = mine.CompleteRotation(ctx, id, in.LastFour)
	case act == "cancel":
		one, err = mine.CancelRotation(ctx, id, in.LastFour)
	case act == "delete":
		return nil, stytch.Secret{}, mine.Delete(ctx, id)
	default:
		err = &tenants.Error{Reason: tenants.NotFound}
	}
	return []tenants.Client{one}, secret, err
}
