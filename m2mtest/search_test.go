package m2mtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// page returns one page of a search: the clients' names, the total and the cursor.
func page(t *testing.T, a *m2mtest.Authority, body string) (names string, total int, next string) {
	t.Helper()
	r := call(t, a, "POST", clients+"/search", body)
	if r.status != 200 {
		t.Fatalf("search(%s) = %d, want 200: %s", body, r.status, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "m2m_clients", "results_metadata")
	var list []string
	for _, c := range r.body["m2m_clients"].([]any) {
		list = append(list, c.(map[string]any)["client_name"].(string))
	}
	meta := r.body["results_metadata"].(map[string]any)
	next, _ = meta["next_cursor"].(string)
	if _, present := meta["next_cursor"]; !present {
		t.Error("no next_cursor")
	}
	return strings.Join(list, " "), int(meta["total"].(float64)), next
}

func TestSearchFilters(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	one, _ := a.CreateClient("one", "read:a", "write:a")
	a.CreateClient("two", "read:a")
	a.CreateClient("three")
	operand := func(name string, values ...string) string {
		return fmt.Sprintf(`{"filter_name": %q, "filter_value": ["%s"]}`, name, strings.Join(values, `","`))
	}
	query := func(operator string, operands ...string) string {
		return fmt.Sprintf(`{"query": {"operator": %q, "operands": [%s]}}`, operator, strings.Join(operands, ","))
	}
	for _, tt := range []struct{ name, body, want string }{
		{"everything", `{}`, "one two three"},
		{"cursor null", `{"cursor": null, "limit": 0, "query": null}`, "one two three"},
		{"an empty query", `{"query": {}}`, "one two three"},
		{"an empty query, as SDKs send it", `{"limit": 10, "query": {"operands": []}}`, "one two three"},
		{"a query of nulls", `{"query": {"operator": null, "operands": null}}`, "one two three"},
		{"no operands, AND", query("AND"), "one two three"},
		{"no operands, OR", query("OR"), "one two three"},
		{"by ID", query("AND", operand("client_id", one)), "one"},
		{"by several IDs", query("AND", operand("client_id", one, "ghost")), "one"},
		{"by name", query("OR", operand("client_name", "two", "three")), "two three"},
		{"by scope", query("OR", operand("scopes", "read:a")), "one two"},
		{"by either scope", query("AND", operand("scopes", "write:a", "none")), "one"},
		{"AND", query("AND", operand("scopes", "read:a"), operand("client_name", "two", "three")), "two"},
		{"OR", query("OR", operand("client_id", one), operand("client_name", "three")), "one three"},
		{"no match", query("AND", operand("client_name", "One")), ""},
		{"no value", `{"query": {"operator": "OR", "operands": [{"filter_name": "scopes", "filter_value": []}]}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, total, next := page(t, a, tt.body)
			if got != tt.want || total != len(strings.Fields(tt.want)) || next != "" {
				t.Errorf("search = %q of %d, cursor %q; want %q", got, total, next, tt.want)
			}
		})
	}
}

func TestSearchPages(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	ids := map[string]string{}
	for i := range 7 {
		name := fmt.Sprint(i)
		ids[name], _ = a.CreateClient(name)
	}
	names, total, next := page(t, a, `{"limit": 3}`)
	if names != "0 1 2" || total != 7 || next == "" {
		t.Fatalf("search(first page) = %q of %d, cursor %q; want 0 1 2 of 7 and a cursor", names, total, next)
	}
	// Clients come and go between the pages: nobody is seen twice or missed.
	call(t, a, "DELETE", clients+"/"+ids["2"], "")
	a.CreateClient("7")
	names, total, next = page(t, a, `{"limit": 3, "cursor": "`+next+`"}`)
	if names != "3 4 5" || total != 7 || next == "" {
		t.Fatalf("search(second page) = %q of %d, cursor %q; want 3 4 5 of 7 and a cursor", names, total, next)
	}
	names, total, next = page(t, a, `{"limit": 3, "cursor": "`+next+`"}`)
	if names != "6 7" || total != 7 || next != "" {
		t.Fatalf("search(last page) = %q of %d, cursor %q; want 6 7 of 7 and no cursor", names, total, next)
	}
	if names, _, next := page(t, a, `{"limit": 7}`); len(names) != 13 || next != "" {
		t.Errorf("search(limit 7) = %q, cursor %q; want 7 and no cursor", names, next)
	}
}

func TestSearchDefaultLimit(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	for range 101 {
		a.CreateClient("c")
	}
	names, total, next := page(t, a, `{}`)
	if len(strings.Fields(names)) != 100 || total != 101 || next == "" {
		t.Errorf("search = %d of %d, cursor %q; want 100 of 101 and a cursor", len(strings.Fields(names)), total, next)
	}
	if names, _, next := page(t, a, `{"limit": 1000}`); len(strings.Fields(names)) != 101 || next != "" {
		t.Errorf("search(limit 1000) = %d, cursor %q; want 101 and no cursor", len(strings.Fields(names)), next)
	}
}
