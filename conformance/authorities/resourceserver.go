package authorities

import (
	"testing"
)

// ResourceServer runs a server of npm's express. It takes tokens of one
// authority by express-oauth2-jwt-bearer at GET and POST /jwt/users (GET needs the
// scope read:users) and GET /jwt/admin (nobody has its scope), every token by
// passport-http-bearer at GET /passport/users, and none by passport-jwt at GET
// /passport-jwt/users.
type ResourceServer struct {
	URL  string
	proc *process
}

// StartResourceServer starts a server for tokens of the issuer that are for the
// audience. It ends with the test. A nil ca trusts the system's.
func StartResourceServer(tb testing.TB, issuer, audience string, ca *CA) *ResourceServer {
	tb.Helper()
	config := map[string]any{"issuer": issuer, "audience": audience}
	if ca != nil {
		config["ca"] = ca.PEM()
	}
	r := &ResourceServer{}
	var ready struct{ URL string }
	r.proc = startNode(tb, "resourceserver.mjs", config, &ready)
	r.URL = ready.URL
	return r
}

// Deny makes the server refuse one token from now on.
func (r *ResourceServer) Deny(token string) {
	r.proc.tb.Helper()
	r.proc.do("deny", token, nil)
}

// DenyAll makes the server refuse every token, or ends that.
func (r *ResourceServer) DenyAll(deny bool) {
	r.proc.tb.Helper()
	r.proc.do("denyAll", deny, nil)
}

// Seen describes a request that the server has answered.
type Seen struct {
	Method, Path string
	Status       int
	Challenge    string // the WWW-Authenticate fields, joined
}

// Seen returns the requests since it was called last.
func (r *ResourceServer) Seen() []Seen {
	r.proc.tb.Helper()
	var seen []Seen
	r.proc.do("seen", nil, &seen)
	return seen
}
