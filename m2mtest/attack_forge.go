package m2mtest

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// forge makes the attacks on operations of one requirement.
type forge struct {
	a       *Authority
	spec    TokenSpec // of a good token
	need    scopes.Requirement
	others  []scopes.Requirement // what other operations require
	key     *Key                 // signs good tokens
	foreign *Key                 // nobody publishes it
	attacks []attack
}

func newForge(target Target, foreign *Key, need scopes.Requirement, others []scopes.Requirement) *forge {
	f := &forge{a: target.Authority, spec: target.Token, need: need, others: others, key: target.Token.Key, foreign: foreign}
	if f.key == nil {
		f.key = f.a.keys.current()
	}
	if named := need.Scopes(); len(named) > 0 {
		f.spec.Scopes = named
	}
	f.spec.RawHeader, f.spec.RawPayload, f.spec.Sign, f.spec.Signature = "", "", nil, nil
	f.credentials()
	f.structure()
	f.headers()
	f.signatures()
	f.claims()
	f.times()
	f.scopes()
	return f
}

// good is what must be let in.
func (f *forge) good() presented { return bearer(f.token(nil)) }

func bearer(token string) presented { return presented{authorization: []string{"Bearer " + token}} }

// token is a good token, but for what bend does to its making.
func (f *forge) token(bend func(*TokenSpec)) string {
	spec := f.spec
	spec.Header, spec.Claims = maps.Clone(spec.Header), maps.Clone(spec.Claims)
	if spec.Header == nil {
		spec.Header = map[string]any{}
	}
	if spec.Claims == nil {
		spec.Claims = map[string]any{}
	}
	if bend != nil {
		bend(&spec)
	}
	return f.a.Token(spec)
}

// add adds an attack by a whole credential.
func (f *forge) add(name string, p presented) { f.attacks = append(f.attacks, attack{name, p}) }

// addToken adds an attack by a token.
func (f *forge) addToken(name, token string) { f.add(name, bearer(token)) }

// bent adds an attack by a token that is made differently.
func (f *forge) bent(name string, bend func(*TokenSpec)) { f.addToken(name, f.token(bend)) }

// header and claim add an attack by a token with a member that is different.
func (f *forge) header(name, member string, value any) {
	f.bent("header: "+name, func(s *TokenSpec) { s.Header[member] = value })
}

func (f *forge) claim(name, member string, value any) {
	f.bent("claims: "+name, func(s *TokenSpec) { s.Claims[member] = value })
}

// texts are the header and the payload of a good token.
func (f *forge) texts() (header, payload string) {
	base := map[string]any{"alg": f.key.Algorithm, "kid": f.key.ID, "typ": "JWT"}
	return string(members(base, f.spec.Header)), string(members(f.a.claims(f.spec), f.spec.Claims))
}

// rewritten adds an attack by a token whose signature is good for a text that
// is not quite right.
func (f *forge) rewritten(name, header, payload string) {
	f.bent("structure: "+name, func(s *TokenSpec) { s.RawHeader, s.RawPayload = header, payload })
}

// inOrder ranges over m by its keys: every table of attacks is in one order.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// credentials are attacks on what reads the Authorization value.
func (f *forge) credentials() {
	token := f.token(nil)
	forged := f.token(func(s *TokenSpec) { s.Key, s.Header["kid"] = f.foreign, f.key.ID })
	values := func(name string, v ...string) { f.add("credential: "+name, presented{authorization: v}) }
	values("none")
	values("empty", "")
	values("scheme alone", "Bearer")
	values("empty token", "Bearer ")
	values("token without a scheme", token)
	values("Basic", "Basic "+token)
	values("DPoP", "DPoP "+token)
	values("two schemes", "Bearer Bearer "+token)
	values("the same twice", "Bearer "+token, "Bearer "+token)
	values("a good one before a forged one", "Bearer "+token, "Bearer "+forged)
	values("a forged one before a good one", "Bearer "+forged, "Bearer "+token)
	values("Basic beside it", "Bearer "+token, "Basic eDp5")
	values("two in one value", "Bearer "+token+", Bearer "+token)
	values("comma at the end", "Bearer "+token+",")
	values("space inside", "Bearer "+token+" x")
	values("space before", " Bearer "+token)
	values("space behind", "Bearer "+token+" ")
	values("tab for a space", "Bearer\t"+token)
	values("tab behind", "Bearer "+token+"\t")
	values("line feed", "Bearer "+token+"\n")
	values("NUL", "Bearer "+token+"\x00")
	values("DEL", "Bearer "+token+"\x7f")
	values("byte order mark", "\ufeffBearer "+token)
	values("zero-width space", "Bearer "+token+"\u200b")
	values("no-break space", "Bearer\u00a0"+token)
	values("quoted", `Bearer "`+token+`"`)
	values("a hundred thousand dots", "Bearer "+strings.Repeat(".", 100_000))
	f.bent("credential: a token of 80 KiB", func(s *TokenSpec) { s.Claims["pad"] = strings.Repeat("x", 60<<10) })

	for _, name := range []string{
		"Proxy-Authorization", "X-Authorization", "X-Forwarded-Authorization", "Grpcgateway-Authorization",
		"Authorization-Bin", "X-Access-Token",
	} {
		f.add("elsewhere: in "+name, presented{elsewhere: map[string]string{name: "Bearer " + token}})
	}
	f.add("elsewhere: in a cookie", presented{elsewhere: map[string]string{"Cookie": "access_token=" + token + "; token=" + token}})
	f.add("elsewhere: in the query", presented{query: "access_token=" + token + "&token=" + token}) // RFC 6750 §2.3
	f.add("elsewhere: in the form", presented{form: "access_token=" + token + "&token=" + token})   // RFC 6750 §2.2
}

// scopes are attacks on what decides whether the client may.
func (f *forge) scopes() {
	named := f.need.Scopes()
	if len(named) == 0 {
		return // any verified client may
	}
	// granted adds a token of these scopes, unless they do meet the
	// requirement, under Stytch's rule of wildcards too.
	granted := func(name string, list []string) {
		if set, err := scopes.Parse(strings.Join(list, " ")); err == nil && !f.need.MetBy(set.Wildcards()) {
			f.bent("scopes: "+name, func(s *TokenSpec) { s.Scopes = list })
		}
	}
	each := func(change func(string) string) []string {
		list := slices.Clone(named)
		for i := range list {
			list[i] = change(list[i])
		}
		return list
	}
	granted("none", nil)
	granted("in upper case", each(strings.ToUpper))
	granted("with a letter more", each(func(s string) string { return s + "x" }))
	granted("with a letter less", each(func(s string) string { return s[:len(s)-1] }))
	granted("a bare star", []string{"*", "*:*", ".*"})
	for i := range named {
		granted("all but one of those that are named", slices.Delete(slices.Clone(named), i, i+1))
	}
	for _, other := range f.others {
		if len(other.Scopes()) == 0 {
			continue
		}
		granted("those of another operation", other.Scopes())
	}
	instead := func(name string, value any) {
		f.bent("scopes: "+name, func(s *TokenSpec) { s.Claims["scope"] = value })
	}
	instead("claim missing", Absent)
	instead("between tabs", "x\t"+strings.Join(named, "\t")+"\tx")
	instead("within an item of a list", []string{"x " + strings.Join(named, " ")})
	instead("a number", 1)
	instead("an object", map[string]any{named[0]: true})
	instead("300 of them", strings.Join(append(slices.Repeat([]string{"x"}, 300), named...), " "))
	for _, claim := range []string{"scp", "scopes", "roles", "permissions"} {
		f.bent("scopes: in "+claim+", beside an empty scope", func(s *TokenSpec) {
			s.Scopes, s.Claims[claim] = nil, named
		})
	}
}
