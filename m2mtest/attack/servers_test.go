package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// weakness makes a guard read another credential, or ignore errors.
type weakness struct {
	read   func(r *http.Request) []string
	ignore func(r *http.Request, err error) bool
}

func ignoring(reasons ...verifier.Reason) weakness {
	return weakness{ignore: func(_ *http.Request, err error) bool {
		return slices.ContainsFunc(reasons, func(r verifier.Reason) bool { return errors.Is(err, r) })
	}}
}

func (w weakness) guard(v *verifier.Verifier, need scopes.Requirement, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		values := r.Header["Authorization"]
		if w.read != nil {
			values = w.read(r)
		}
		ctx, err := v.Authorize(r.Context(), verifier.Request{Authorization: values}, need)
		if err == nil {
			r = r.WithContext(ctx)
		} else if w.ignore == nil || !w.ignore(r, err) {
			new(httpmw.Middleware).WriteError(rw, r, err)
			return
		}
		next(rw, r)
	})
}

func orFrom(other func(*http.Request) string) weakness {
	return weakness{read: func(r *http.Request) []string {
		if token := other(r); token != "" && len(r.Header["Authorization"]) == 0 {
			return []string{"Bearer " + token}
		}
		return r.Header["Authorization"]
	}}
}

func algNone(r *http.Request, _ error) bool {
	header, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	raw, _ := base64.RawURLEncoding.DecodeString(header)
	var h struct{ Alg string }
	return json.Unmarshal(raw, &h) == nil && strings.EqualFold(h.Alg, "none")
}

func answers(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// server has a public route, two guarded ones, and one weakness.
func server(v *verifier.Verifier, w weakness) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /a", w.guard(v, scopes.All("a", "x"), answers("a")))
	mux.Handle("POST /b", w.guard(v, scopes.Any("b", "c"), answers("b")))
	mux.Handle("GET /public/", answers("public"))
	return mux
}

func unguarded(v *verifier.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /a", weakness{}.guard(v, scopes.All("a", "x"), answers("a")))
	mux.Handle("POST /b", answers("b"))
	return mux
}

// proxying hands what is under /public/ to a server that cleans paths.
func proxying(v *verifier.Verifier) http.Handler {
	mux := server(v, weakness{})
	behind := map[string]string{"/a": "a", "/b": "b"}
	outer := http.NewServeMux()
	outer.Handle("/", mux)
	outer.HandleFunc("/public/", func(w http.ResponseWriter, r *http.Request) {
		text, ok := behind[path.Clean(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	})
	return outer
}

func rewriting(v *verifier.Verifier) http.Handler {
	mux := server(v, weakness{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Original-Url") == "/a" && strings.HasPrefix(r.URL.Path, "/public/") {
			fmt.Fprint(w, "a")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func oneMethod(v *verifier.Verifier) http.Handler {
	mux := server(v, weakness{})
	mux.Handle("POST /a", answers("a"))
	return mux
}

func panicking(v *verifier.Verifier) http.Handler {
	mux := server(v, weakness{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), `Bearer "ey`) {
			panic("no quotes")
		}
		mux.ServeHTTP(w, r)
	})
}

// lockingOut refuses everything after the first call: its refusals are no proof.
func lockingOut(v *verifier.Verifier) http.Handler {
	mux := server(v, weakness{})
	calls := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			http.Error(w, "too many", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
