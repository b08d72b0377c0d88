package status

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/screen"
	"github.com/m2mauth/m2mauth/telemetry"
)

const (
	maxText     = 240 // bytes of a sentence from elsewhere
	maxName     = 40  // bytes of a name from elsewhere
	maxProblems = 5   // that are shown of a replica
	maxReasons  = 3   // that are shown of a replica
)

// display draws snapshots.
type display struct {
	out   io.Writer
	json  bool
	clear bool // the terminal before each
	drawn bool
}

// draw writes a snapshot at once, so that no half of a table is seen.
func (d *display) draw(s snapshot) error {
	var b bytes.Buffer
	switch {
	case d.json:
		if err := writeJSON(&b, s); err != nil {
			return err
		}
	default:
		if d.clear {
			b.WriteString("\x1b[H\x1b[2J")
		} else if d.drawn {
			b.WriteString("\n")
		}
		b.WriteString(text(s))
	}
	d.drawn = true
	_, err := d.out.Write(b.Bytes())
	return err
}

// text returns the table, the problems below it, and what differs.
func text(s snapshot) string {
	names := names(s.Replicas)
	rows := [][]string{{"REPLICA", "STATE", "KEYS", "POLICY", "REVOCATIONS", "ALLOWED", "REFUSED", "UNAVAILABLE"}}
	var below []string
	for i, r := range s.Replicas {
		if r.Report == nil {
			rows = append(rows, []string{names[i], "no answer: " + r.Error})
			continue
		}
		rows = append(rows, append([]string{names[i]}, cells(&r)...))
	}
	var b strings.Builder
	b.WriteString(heading(s.Replicas))
	b.WriteString(columns(rows))
	for i, r := range s.Replicas {
		if r.Report != nil {
			below = append(below, details(names[i], &r)...)
		}
	}
	if len(below) > 0 {
		b.WriteString("\n" + strings.Join(below, "\n") + "\n")
	}
	if !s.Alike {
		b.WriteString("\n" + `"*" marks what differs between replicas.` + "\n")
	}
	return b.String()
}

// heading returns the service's name, as most replicas write it, and the time.
func heading(list []replica) string {
	counts := make(map[string]int)
	var at time.Time
	answers := 0
	for _, r := range list {
		if r.Report != nil {
			counts[r.Report.Service]++
			answers++
			if r.Report.At.After(at) {
				at = r.Report.At
			}
		}
	}
	text := fmt.Sprintf("%d of %d replicas answer", answers, len(list))
	if service, ok := mode(counts); ok {
		text = screen.Plain(service, maxName) + ": " + text
	}
	if !at.IsZero() {
		text += ", " + at.UTC().Format("2006-01-02 15:04:05Z")
	}
	return text + "\n\n"
}

// cells returns the row of a replica after its name.
func cells(r *replica) []string {
	mark := func(trait, text string) string {
		if slices.Contains(r.Differs, trait) {
			return text + " *"
		}
		return text
	}
	var allowed, refused, unavailable uint64
	for _, d := range r.Report.Decisions {
		switch d.Outcome {
		case "allowed":
			allowed += d.Count
		case "unavailable":
			unavailable += d.Count
		default:
			refused += d.Count
		}
	}
	keys := 0
	for _, issuer := range r.Report.Issuers {
		keys += issuer.KeysTotal
	}
	policy := cmp.Or(r.Report.OperationsDigest, "none")
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []string{
		mark("service", string(r.Report.State)),
		mark("keys", fmt.Sprintf("%d (%s)", keys, r.Keys)),
		mark("policy", screen.Plain(policy[:min(len(policy), 8)], 8)),
		mark("revocations", revocations(r.Report.Revocations)),
		number(allowed), number(refused), number(unavailable),
	}
}

// revocations returns how many cut-offs a view holds, and how old it is.
func revocations(r *telemetry.RevocationsReport) string {
	switch {
	case r == nil:
		return "none"
	case !r.Shared:
		return fmt.Sprintf("%d, its own", r.Entries)
	case r.Confirmed.IsZero():
		return "never loaded"
	default:
		return fmt.Sprintf("%d, %s old", r.Entries, age(r.Age))
	}
}

// age returns seconds in words.
func age(seconds float64) string {
	if !(seconds >= 0 && seconds < 1e9) { // NaN included
		return "unknown time"
	}
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "<1s"
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
}

// details returns the lines below the table about a replica: its problems, and what it
// refused most in the last hour.
func details(name string, r *replica) []string {
	var lines []string
	if slices.Contains(r.Differs, "service") {
		lines = append(lines, fmt.Sprintf("%s  is the service %s", name, screen.Plain(r.Report.Service, maxName)))
	}
	for i, p := range r.Report.Problems {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("%s  and %d more problems", name, len(r.Report.Problems)-i))
			break
		}
		line := fmt.Sprintf("%s  %s: %s: %s", name, screen.Plain(string(p.State), maxName), screen.Plain(p.Subject, maxText), screen.Plain(p.Text, maxText))
		if p.Hint != "" {
			line += " (" + screen.Plain(p.Hint, maxText) + ")"
		}
		lines = append(lines, line)
	}
	list := slices.Clone(r.Report.Refusals)
	slices.SortStableFunc(list, func(a, b telemetry.Refusals) int { return cmp.Compare(b.Hour, a.Hour) })
	var reasons []string
	for _, refusal := range list[:min(len(list), maxReasons)] {
		if refusal.Hour > 0 {
			reasons = append(reasons, fmt.Sprintf("%s %d", screen.Plain(refusal.Reason, maxName), refusal.Hour))
		}
	}
	if len(reasons) > 0 {
		lines = append(lines, fmt.Sprintf("%s  refused in the last hour: %s", name, strings.Join(reasons, ", ")))
	}
	return lines
}

// names returns short names of the replicas: host, port and path.
func names(list []replica) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.URL
		if u, err := url.Parse(r.URL); err == nil {
			out[i] = u.Host + strings.TrimSuffix(u.EscapedPath(), "/")
		}
		out[i] = screen.Plain(out[i], maxText)
	}
	return out
}

// columns aligns rows. The last cell of a row takes as much as it wants.
func columns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i == len(row)-1 {
				b.WriteString(cell + "\n")
				break
			}
			fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
	}
	return b.String()
}

// writeJSON writes a line of JSON in ASCII: a terminal may show it.
func writeJSON(b *bytes.Buffer, s snapshot) error {
	doc, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for _, c := range string(doc) {
		switch {
		case c < 0x7f:
			b.WriteByte(byte(c))
		case c <= 0xffff:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		}
	}
	b.WriteByte('\n')
	return nil
}
