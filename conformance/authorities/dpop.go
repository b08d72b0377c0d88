package authorities

import (
	"os"
	"path/filepath"
	"testing"
)

// trusting returns the environment of a Node process that trusts the CA.
func trusting(tb testing.TB, ca *CA) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte(ca.PEM()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return "NODE_EXTRA_CA_CERTS=" + path
}

// DPoPClient runs npm's openid-client as a machine whose tokens are bound to a key of
// its own.
type DPoPClient struct{ proc *process }

// StartDPoPClient starts a client with a secret of the issuer, for tokens with the
// scope read:users for the resource. It ends with the test.
func StartDPoPClient(tb testing.TB, issuer, clientID, secret, resource string, ca *CA) *DPoPClient {
	tb.Helper()
	var ready struct{}
	return &DPoPClient{startNode(tb, "dpopmachine.mjs", map[string]any{
		"issuer": issuer, "clientID": clientID, "secret": secret, "scope": "read:users", "resource": resource,
	}, &ready, trusting(tb, ca))}
}

// Token makes the client get a new token, and returns it with its type.
func (c *DPoPClient) Token() (token, tokenType string) {
	c.proc.tb.Helper()
	var answer struct{ Token, Type string }
	c.proc.do("token", nil, &answer)
	return answer.Token, answer.Type
}

// Rotate makes the client take a new key for an algorithm. Its token stays bound to
// the old one.
func (c *DPoPClient) Rotate(algorithm string) {
	c.proc.tb.Helper()
	c.proc.do("rotate", algorithm, nil)
}

// Challenge is one that the client has parsed (RFC 9110 §11.6.1).
type Challenge struct {
	Scheme     string
	Parameters map[string]string
}

// Call makes the client send a request with its token and a proof.
func (c *DPoPClient) Call(method, url string) (status int, challenges []Challenge) {
	c.proc.tb.Helper()
	var answer struct {
		Status     int
		Challenges []Challenge
	}
	c.proc.do("call", map[string]string{"method": method, "url": url}, &answer)
	return answer.Status, answer.Challenges
}

// DPoPResourceServer runs a server that takes the bound tokens of one authority at
// every path, by npm's oauth4webapi, and each proof once.
type DPoPResourceServer struct {
	URL  string
	proc *process
}

// StartDPoPResourceServer starts a server for tokens of the issuer that are for the
// audience. It ends with the test.
func StartDPoPResourceServer(tb testing.TB, issuer, audience string, ca *CA) *DPoPResourceServer {
	tb.Helper()
	r := &DPoPResourceServer{}
	var ready struct{ URL string }
	r.proc = startNode(tb, "dpopresource.mjs", map[string]any{"issuer": issuer, "audience": audience}, &ready, trusting(tb, ca))
	r.URL = ready.URL
	return r
}

// RequireNonce makes the server ask for this nonce in proofs, or for none if it is
// "" (RFC 9449 §9).
func (r *DPoPResourceServer) RequireNonce(nonce string) {
	r.proc.tb.Helper()
	r.proc.do("nonce", nonce, nil)
}

// Seen returns the requests since it was called last.
func (r *DPoPResourceServer) Seen() []Seen {
	r.proc.tb.Helper()
	var seen []Seen
	r.proc.do("seen", nil, &seen)
	return seen
}
