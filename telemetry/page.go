package telemetry

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

//go:embed page.html
var pageHTML string

// pageCSS is in the page itself. It must hold no comment and no "<": the policy
// names its hash.
//
//go:embed page.css
var pageCSS string

// contentSecurityPolicy permits the page's own style and nothing else: no script,
// no image, no frame, no form, no request to anywhere.
var contentSecurityPolicy = func() string {
	hash := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"number": number,
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"stamp":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
	"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"words":  func(name string) string { return strings.ReplaceAll(name, "_", " ") },
	"counted": func(n int, what string) string {
		return counted(uint64(n), what)
	},
}).Parse(pageHTML))

// Sizes of one page of a list, for people.
const (
	issuersShown    = 20
	operationsShown = 50
)

// view is what page.html shows.
type view struct {
	*Report
	CSS     template.CSS
	Title   string
	Allowed uint64 // since the Verifier was made; the three add up to all decisions
	Refused uint64
	Unknown uint64 // could not be decided
	Hour    hour
	Reasons []reasonView
	Issuers pages[IssuerReport]
	Policy  pages[Operation]
	Public  int
}

// Ago returns how long before the report t was.
func (v *view) Ago(t time.Time) string { return ago(v.At.Sub(t)) }

// Span returns how long before the report t was, without "ago".
func (v *view) Span(t time.Time) string { return span(v.At.Sub(t)) }

// Until returns how long after the report t is.
func (v *view) Until(t time.Time) string {
	if d := t.Sub(v.At); d >= time.Second {
		return "in " + span(d)
	}
	return "now"
}

// reasonView is one Reason of refusals, with its total since the Verifier was
// made.
type reasonView struct {
	Refusals
	Total uint64
	Width int // of its bar, in percent of the widest
	Open  bool
}

// group holds refusals that follow each other and differ in their time alone.
type group struct {
	Refusal           // the latest
	Times   int       // how many they are
	Oldest  time.Time // when the first of them was
}

// More returns how many there are beside the latest.
func (g group) More() int { return g.Times - 1 }

// Groups returns the refusals, the latest first.
func (r reasonView) Groups() (groups []group) {
	for _, next := range r.Latest {
		if n := len(groups) - 1; n >= 0 {
			same := next
			same.At = groups[n].At
			if same == groups[n].Refusal {
				groups[n].Times++
				groups[n].Oldest = next.At
				continue
			}
		}
		groups = append(groups, group{next, 1, next.At})
	}
	return groups
}

// Class returns the class of the bar.
func (r reasonView) Class() string {
	if r.Outcome == verifier.Unavailable.String() || r.Outcome == verifier.TooManyRequests.String() {
		return "unknown"
	}
	return "refused"
}

// rank orders Reasons: what could not be decided lately comes first.
func (r reasonView) rank() int {
	if r.Class() == "unknown" && r.Hour > 0 {
		return 0
	}
	return 1
}

func newView(r *Report, query url.Values) *view {
	v := &view{Report: r, CSS: template.CSS(pageCSS), Hour: newHour(r.Minutes)}
	v.Title = map[State]string{Well: "Well", Degraded: "Needs attention", Failing: "Failing"}[r.State] + " · " + r.Service
	reasons := make(map[string]*reasonView)
	for i := range r.Refusals {
		reasons[r.Refusals[i].Reason] = &reasonView{Refusals: r.Refusals[i]}
	}
	for _, d := range r.Decisions {
		switch d.Outcome {
		case "allowed":
			v.Allowed += d.Count
			continue
		case verifier.Unavailable.String(), verifier.TooManyRequests.String():
			v.Unknown += d.Count
		default:
			v.Refused += d.Count
		}
		of := reasons[d.Reason]
		if of == nil {
			of = &reasonView{Refusals: Refusals{Reason: d.Reason, Outcome: d.Outcome}}
			reasons[d.Reason] = of
		}
		of.Total += d.Count
	}
	for _, of := range reasons {
		of.Total = max(of.Total, of.Count)
		v.Reasons = append(v.Reasons, *of)
	}
	slices.SortFunc(v.Reasons, func(a, b reasonView) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.Hour, a.Hour), cmp.Compare(b.Total, a.Total), cmp.Compare(a.Reason, b.Reason))
	})
	widest := uint64(1)
	for _, of := range v.Reasons {
		widest = max(widest, of.Total)
	}
	for i := range v.Reasons {
		v.Reasons[i].Width = max(1, int(100*float64(v.Reasons[i].Total)/float64(widest)))
		v.Reasons[i].Open = i == 0
	}

	issuers := slices.Clone(r.Issuers)
	slices.SortStableFunc(issuers, func(a, b IssuerReport) int { return trouble(b) - trouble(a) })
	v.Issuers = paged(issuers, r.IssuersTotal, issuersShown, "issuers", "keys", query)
	v.Policy = paged(r.Operations, r.OperationsTotal, operationsShown, "operations", "policy", query)
	for _, op := range r.Operations {
		if op.Public {
			v.Public++
		}
	}
	return v
}

// trouble orders issuers: those that need attention come first.
func trouble(i IssuerReport) int {
	switch verifier.KeyState(i.State) {
	case verifier.KeysFresh:
		return min(len(i.Problems), 1)
	case verifier.KeysStale:
		return 2
	default:
		return 3
	}
}

// pages is one page of a list.
type pages[T any] struct {
	Items         []T
	Total         int // entries, of which the list may hold fewer
	Page, Pages   int
	Before, After string // relative URLs; "" if there is no such page
}

// paged returns the page of a list that the query names by its parameter. The
// links keep the other parameter.
func paged[T any](list []T, total, size int, parameter, anchor string, query url.Values) pages[T] {
	p := pages[T]{Total: total, Pages: max(1, (len(list)+size-1)/size)}
	n, _ := strconv.Atoi(query.Get(parameter)) // malformed: the first
	p.Page = min(max(n, 1), p.Pages)
	p.Items = list[min((p.Page-1)*size, len(list)):min(p.Page*size, len(list))]
	link := func(page int) string {
		if page < 1 || page > p.Pages {
			return ""
		}
		q := url.Values{}
		for _, other := range []string{"issuers", "operations"} {
			if m, err := strconv.Atoi(query.Get(other)); err == nil && m > 1 {
				q.Set(other, strconv.Itoa(m))
			}
		}
		q.Set(parameter, strconv.Itoa(page))
		return "?" + q.Encode() + "#" + anchor
	}
	p.Before, p.After = link(p.Page-1), link(p.Page+1)
	return p
}
