package mcptest

import (
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// namesBeside returns other names of the same kind that need no scope.
func (a *attacker) namesBeside(o operation) (names []string) {
	for _, other := range a.all {
		if other.method == o.method && other.name != o.name && other.need.MetBy(scopes.Set{}) {
			_, name, _ := strings.Cut(other.name, "/")
			names = append(names, name)
		}
	}
	return names
}

// ambiguous returns params that two readers can take for different calls: of what params
// name, and of something harmless.
func ambiguous(params, harmless string) map[string]string {
	member, rest, _ := strings.Cut(strings.TrimPrefix(params, "{"), ":")
	other := strings.ToUpper(member) + `:"` + harmless + `"`
	same := member + `:"` + harmless + `"`
	return map[string]string{
		"params: another case after the name": "{" + member + ":" + strings.TrimSuffix(rest, "}") + "," + other + "}",
		"params: another case before it":      "{" + other + "," + member + ":" + rest,
		"params: two names, the call last":    "{" + same + "," + member + ":" + rest,
	}
}

// methods calls what the policy does not open, with every scope.
func (a *attacker) methods() {
	open := make(map[string]bool)
	for name := range a.Operations {
		open[name] = true
	}
	for method, params := range map[string]string{
		"resources/templates/list": `{}`,
		"resources/subscribe":      `{"uri":"file:///mcptest"}`,
		"resources/unsubscribe":    `{"uri":"file:///mcptest"}`,
		"completion/complete":      `{"ref":{"type":"ref/prompt","name":"mcptest"},"argument":{"name":"a","value":""}}`,
		"logging/setLevel":         `{"level":"debug"}`,
		"tasks/list":               `{}`,
		"tasks/get":                `{"taskId":"1"}`,
		"tasks/result":             `{"taskId":"1"}`,
		"tasks/cancel":             `{"taskId":"1"}`,
		"mcptest/unknown":          `{}`,
	} {
		if !open["method/"+method] {
			got := a.post(a.powerful, a.session, message(method, params))
			a.report.expect("method: not in the policy", method, got, false)
		}
	}
}
