package mcptest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// Attack calls every tool, prompt and resource of target in ways that must be refused: with
// hostile and narrower tokens in a session that a powerful token opened, with that session's
// ID as another client and without a token, in batches and ambiguous messages, under headers
// that say something else, and by resuming the stream of somebody else's call. It also looks
// for names in lists, and for methods that the policy does not open.
//
// It reports through t each attack that is accepted, and logs a table at the end. Before and
// after, it makes each call with a good token. If that is refused, the other refusals prove
// nothing, and Attack reports it.
func Attack(t T, target Target) {
	t.Helper()
	if problem := target.problem(); problem != "" {
		t.Errorf("mcptest: Attack: %s", problem)
		return
	}
	a := &attacker{Target: target, report: newReport(), all: target.inventory()}
	a.powerful = a.token(a.everyScope()...)
	a.session = a.open(a.powerful)
	for _, o := range a.all {
		if !a.control("a good token", o) {
			continue
		}
		a.credentials(o)
		a.messages(o)
		a.headers(o)
		if !target.Stateless {
			a.theft(o)
			a.resumption(o)
		}
		a.control("a good token, after the attack", o)
	}
	a.methods()
	if len(a.all) == 0 {
		t.Errorf("mcptest: Attack: nothing was attacked: the endpoint lists nothing to a client with every scope")
	}
	for _, problem := range a.report.problems {
		t.Errorf("mcptest: Attack: %s", problem)
	}
	t.Logf("mcptest: %d operations\n%s", len(a.all), a.report.table())
}

// attacker attacks one Target.
type attacker struct {
	Target
	report   *report
	all      []operation
	powerful string // a token with every scope
	session  string // that it opened
}

// control makes a call that must be accepted.
func (a *attacker) control(name string, o operation) bool {
	got := a.post(a.powerful, a.session, message(o.method, o.params))
	a.report.expect(name, o.name, got, true)
	return got.accepted()
}

// refuse makes a request that must be refused.
func (a *attacker) refuse(name string, o operation, got outcome) {
	a.report.expect(name, o.name, got, false)
}

// credentials presents every hostile credential, narrower tokens included, in the session
// of the powerful one.
func (a *attacker) credentials(o operation) {
	var others []scopes.Requirement
	for _, other := range a.all {
		others = append(others, other.need)
	}
	key := a.Token.Key
	if key == nil {
		key = a.Authority.Key()
	}
	maker := hostile.Maker{Authority: a.Authority, Good: a.Token, Need: o.need, Others: others,
		Foreign: m2mtest.NewKey(key.Algorithm), Trap: "http://127.0.0.1:9/keys"}
	for _, c := range maker.Corpus() {
		if c.Spaced || c.Form != "" { // HTTP removes the space, and the body is a message
			continue
		}
		a.refuse(c.Name, o, a.post("", a.session, message(o.method, o.params), func(r *http.Request) {
			if c.Authorization != nil {
				r.Header["Authorization"] = c.Authorization
			}
			for name, value := range c.Elsewhere {
				r.Header.Set(name, value)
			}
			r.URL.RawQuery = c.Query
			if c.Query != "" {
				r.RequestURI += "?" + c.Query
			}
		}))
	}
}

// messages hides the call in bodies that can be read in several ways.
func (a *attacker) messages(o operation) {
	call, ping := message(o.method, o.params), message("ping", "{}")
	for name, body := range map[string]string{
		"message: a batch":               "[" + call + "]",
		"message: a batch, after a ping": "[" + ping + "," + strings.Replace(call, `"id":"1"`, `"id":"2"`, 1) + "]",
		"message: after another one":     ping + call,
		"message: before another one":    call + ping,
	} {
		a.refuse(name, o, a.post(a.powerful, a.session, body, func(r *http.Request) {
			r.Header.Set("Mcp-Protocol-Version", "2025-03-26") // the last version with batches
		}))
	}
	if !o.need.MetBy(scopes.Set{}) {
		a.weakMessages(o, call)
	}
}

// weakMessages sends messages with a token without scopes, which does not meet the
// requirement.
func (a *attacker) weakMessages(o operation, call string) {
	weak := a.token()
	a.refuse("message: without a session", o, a.post(weak, "", call))
	for _, harmless := range append(a.namesBeside(o), "") {
		for name, params := range ambiguous(o.params, harmless) {
			a.refuse(name, o, a.post(weak, a.session, message(o.method, params)))
		}
	}
	for name, body := range map[string]string{
		"message: two methods, the call first":   strings.Replace(call, `"params"`, `"method":"ping","params"`, 1),
		"message: two methods, the call last":    strings.Replace(call, `"method"`, `"method":"ping","method"`, 1),
		"message: two methods in two cases":      strings.Replace(call, `"params"`, `"METHOD":"ping","params"`, 1),
		"message: two methods, the other before": strings.Replace(call, `"method"`, `"Method":"ping","method"`, 1),
	} {
		got := a.post(weak, a.session, body)
		if string(got.result) != "{}" { // else the ping was answered
			a.refuse(name, o, got)
		}
	}
	for _, kind := range kinds {
		item, ok := strings.CutPrefix(o.name, kind.prefix)
		if ok && slices.Contains(a.listed(kind.list, kind.member, kind.name, weak, a.session), item) {
			a.report.add("list: a name that the client may not call", o.name, "listed", true)
		}
	}
}

// headers sends the call under headers that name something else, by which a proxy could
// have decided.
func (a *attacker) headers(o operation) {
	for name, header := range map[string]http.Header{
		"header: another method": {"Mcp-Method": {"ping"}},
		"header: two methods":    {"Mcp-Method": {o.method, "ping"}},
		"header: another name":   {"Mcp-Name": {"harmless"}},
	} {
		a.refuse(name, o, a.post(a.powerful, a.session, message(o.method, o.params), func(r *http.Request) {
			for key, values := range header {
				r.Header[key] = values
			}
		}))
	}
}

// theft uses the session as another client, and without a token.
func (a *attacker) theft(o operation) {
	other := a.otherToken(a.everyScope()...)
	call := message(o.method, o.params)
	session := a.open(a.powerful) // which DELETE may end
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		a.refuse("session: of another client, "+method, o, a.send(method, other, session, call))
		a.refuse("session: without a token, "+method, o, a.send(method, "", session, call))
	}
}

// resumption asks for the result of the call with a token that does not meet its
// requirement.
func (a *attacker) resumption(o operation) {
	event := a.post(a.powerful, a.session, message(o.method, o.params)).event
	if event == "" {
		return // the endpoint has no EventStore
	}
	resume := func(r *http.Request) { r.Header.Set("Last-Event-ID", event) }
	a.refuse("resumption: by another client", o, a.send(http.MethodGet, a.otherToken(a.everyScope()...), a.session, "", resume))
	if !o.need.MetBy(scopes.Set{}) {
		a.refuse("resumption: with a narrower token", o, a.send(http.MethodGet, a.token(), a.session, "", resume))
	}
}
