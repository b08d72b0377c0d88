package attack

import (
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Operation describes one call, and what the server should require for it.
type Operation struct {
	// Call names the call: "GET /orders/1", "/orders/1" for GET,
	// "GET orders.example/1" with a host, or "/orders.v1.Orders/List" for gRPC.
	Call string

	// Need is the requirement. The zero Requirement means that every call must
	// be refused.
	Need scopes.Requirement
}

// Operations makes a list for [Target] from the Operations of an httpmw.Mux, a
// gorilla.Guard or a grpcmw.Interceptor. It replaces each wildcard of a pattern
// by "1", and keeps a host unless it has wildcards. Change a Call that the
// server would not understand.
func Operations(listed iter.Seq2[string, scopes.Requirement]) []Operation {
	wildcard := regexp.MustCompile(`\{[^{}]*\}`)
	var list []Operation
	for name, need := range listed {
		method, host, path := splitCall(name)
		path = strings.ReplaceAll(path, "{$}", "")
		path = wildcard.ReplaceAllLiteralString(path, "1")
		host = wildcard.ReplaceAllLiteralString(host, "1")
		call := host + path
		if strings.Contains(name, " ") {
			call = method + " " + call
		}
		list = append(list, Operation{call, need})
	}
	return list
}

// splitCall returns the parts of an HTTP call: GET if it names no method, and
// the first if it names several, as patterns of gorilla do.
func splitCall(call string) (method, host, target string) {
	method, target, ok := strings.Cut(call, " ")
	if !ok {
		method, target = http.MethodGet, call
	}
	method, _, _ = strings.Cut(method, ",")
	target = strings.TrimLeft(target, " \t")
	if slash := strings.IndexByte(target, '/'); slash > 0 {
		host, target = target[:slash], target[slash:]
	}
	return method, host, target
}

// makers keep one corpus for each requirement: operations that require the same
// are attacked with the same tokens.
type makers struct {
	target  Target
	foreign *m2mtest.Key
	sound   *verifier.Verifier // see reference
	proofs  *prover            // nil for a server that takes none
	needs   []scopes.Requirement
	made    map[string]*maker
}

type maker struct {
	hostile.Maker
	corpus []hostile.Credential
}

func newMakers(target Target, proofs *prover) (*makers, error) {
	target.Token = proofs.bind(target.Token)
	key := target.Token.Key
	if key == nil {
		key = target.Authority.Key()
	}
	sound, err := reference(target.Authority, proofs)
	if err != nil {
		return nil, err
	}
	m := &makers{target: target, foreign: m2mtest.NewKey(key.Algorithm), sound: sound, proofs: proofs, made: make(map[string]*maker)}
	for _, o := range slices.Concat(target.HTTP, target.GRPC) {
		if !slices.ContainsFunc(m.needs, o.Need.Equal) {
			m.needs = append(m.needs, o.Need)
		}
	}
	return m, nil
}

func (m *makers) close() {
	if m.sound != nil {
		m.sound.Close()
	}
}

func (m *makers) of(need scopes.Requirement) *maker {
	made, ok := m.made[need.String()]
	if !ok {
		made = &maker{Maker: hostile.Maker{
			Authority: m.target.Authority, Good: m.target.Token, Need: need, Others: m.needs,
			Foreign: m.foreign, Trap: "http://127.0.0.1:9/keys",
		}}
		made.corpus = slices.Concat(refused(m.sound, m.proofs, made.Corpus(), need),
			place(m.target.CredentialHeader).more(made.Accepted()), m.proofs.attacks(made.Accepted()))
		m.made[need.String()] = made
	}
	return made
}

// unscoped returns a credential of a verified client that the requirement
// excludes. ok is false if it excludes no verified client.
func (m *maker) unscoped() (c hostile.Credential, ok bool) {
	for _, c := range m.corpus {
		if c.Name == "scopes: none" {
			return c, true
		}
	}
	return hostile.Credential{}, false
}
