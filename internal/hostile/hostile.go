// Package hostile holds the corpus of hostile credentials: what m2mtest/attack
// sends to servers, and what every guard of this module refuses in
// internal/doortest. Each row says the Code and Reason of the refusal.
package hostile

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Credential holds what one call presents.
type Credential struct {
	Name          string
	Authorization []string          // values of the field; nil for none
	Elsewhere     map[string]string // other header fields or metadata, by lower-case names
	Query, Form   string            // of an HTTP request

	// Spaced marks a value whose only fault is white space around it. HTTP/1
	// servers remove that before a handler sees it (RFC 9112 §5.1).
	Spaced bool

	// Proofs, if set, replaces the one good DPoP proof that goes with a token where
	// proofs are taken.
	Proofs func(method, path, token string) []string

	// Code and Reason are those of a Verifier that has a key of RS256, accepts
	// the issuer of the Authority and no other, and has no further settings.
	Code   verifier.Code
	Reason verifier.Reason
}

// String returns the name alone: a Credential holds tokens.
func (c Credential) String() string { return c.Name }

// Maker makes the corpus for operations of one requirement.
type Maker struct {
	Authority *m2mtest.Authority
	Good      m2mtest.TokenSpec    // of an accepted token, scopes excepted
	Need      scopes.Requirement   // its scopes go into accepted tokens
	Others    []scopes.Requirement // of other operations: their scopes must not suffice
	Foreign   *m2mtest.Key         // a key that the Authority never publishes
	Trap      string               // a URL that headers name; a verifier must not fetch it
}

// Accepted returns a credential that must be accepted.
func (m Maker) Accepted() Credential { return bearer("a good token", m.newMaker().token(nil)) }

// Corpus returns every hostile credential. Names are unique, except for rows
// that differ only in the scope that is missing.
func (m Maker) Corpus() []Credential {
	w := m.newMaker()
	return slices.Concat(
		group("credential: ", w.credentials()),
		group("elsewhere: ", w.elsewhere()),
		group("structure: ", w.structure()),
		group("structure: ", w.documents()),
		group("header: ", w.algorithms()),
		group("header: ", w.headers()),
		group("signature: ", w.signatures()),
		group("claims: ", w.claims()),
		group("claims: ", w.times()),
		group("scopes: ", w.scopes()),
	)
}

// Signatures returns the rows of the Corpus about signatures.
func (m Maker) Signatures() []Credential { return group("signature: ", m.newMaker().signatures()) }

type spec = m2mtest.TokenSpec

// maker is a Maker with what the rows have in common.
type maker struct {
	Maker
	key             *m2mtest.Key // signs accepted tokens
	header, payload string       // of an accepted token, decoded
	now             time.Time    // by the authority's clock
}

func (m Maker) newMaker() *maker {
	w := &maker{Maker: m, key: m.Good.Key}
	if w.key == nil {
		w.key = m.Authority.Key()
	}
	if named := m.Need.Scopes(); len(named) > 0 {
		w.Good.Scopes = named
	}
	w.Good.RawHeader, w.Good.RawPayload, w.Good.Sign, w.Good.Signature = "", "", nil, nil
	parts := strings.Split(w.token(nil), ".")
	w.header, w.payload = decode(parts[0]), decode(parts[1])
	w.now = time.Now()
	var claims struct{ IAT int64 }
	if err := json.Unmarshal([]byte(w.payload), &claims); err == nil && claims.IAT > 0 && m.Good.IssuedAt.IsZero() {
		w.now = time.Unix(claims.IAT, 0)
	}
	return w
}

// token mints an accepted token that change has modified.
func (m *maker) token(change func(*spec)) string {
	s := m.Good
	s.Header, s.Claims = maps.Clone(s.Header), maps.Clone(s.Claims)
	if s.Header == nil {
		s.Header = map[string]any{}
	}
	if s.Claims == nil {
		s.Claims = map[string]any{}
	}
	if change != nil {
		change(&s)
	}
	return m.Authority.Token(s)
}

// changed returns a row with a token that change has modified.
func (m *maker) changed(name string, change func(*spec)) Credential {
	return bearer(name, m.token(change))
}

// member and claim return a row with a token whose header or payload has
// another value for one name.
func (m *maker) member(name, member string, value any) Credential {
	return m.changed(name, func(s *spec) { s.Header[member] = value })
}

func (m *maker) claim(name, claim string, value any) Credential {
	return m.changed(name, func(s *spec) { s.Claims[claim] = value })
}

// longAgo is longer than authorities date tokens back: a key that is unknown
// then is not a new one.
const longAgo = 11 * time.Minute

// old dates a token so that its key can't be newer than the known ones.
func (m *maker) old(s *spec) { s.IssuedAt = m.now.Add(-longAgo) }

func bearer(name, token string) Credential {
	return Credential{Name: name, Authorization: []string{"Bearer " + token}}
}

// refused and invalid give rows their Code and Reason.
func refused(code verifier.Code, reason verifier.Reason, rows ...Credential) []Credential {
	for i := range rows {
		rows[i].Code, rows[i].Reason = code, reason
	}
	return rows
}

func invalid(reason verifier.Reason, rows ...Credential) []Credential {
	return refused(verifier.InvalidToken, reason, rows...)
}

func group(prefix string, rows []Credential) []Credential {
	for i := range rows {
		rows[i].Name = prefix + rows[i].Name
	}
	return rows
}

// each returns a row for each entry of m, in the order of the names.
func each[V any](m map[string]V, row func(name string, v V) Credential) []Credential {
	var rows []Credential
	for _, name := range slices.Sorted(maps.Keys(m)) {
		rows = append(rows, row(name, m[name]))
	}
	return rows
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(segment string) string {
	b, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		panic("hostile: an accepted token has a segment that is not base64url: " + err.Error())
	}
	return string(b)
}
