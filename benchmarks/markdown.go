package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// section is a part of RESULTS.md.
type section struct {
	title string
	body  strings.Builder
}

// text adds a paragraph.
func (s *section) text(format string, args ...any) {
	fmt.Fprintf(&s.body, format+"\n\n", args...)
}

// table adds a table. Its first row is the heading. Its first column is text, and so
// are columns whose heading ends with a space; the others are numbers.
func (s *section) table(rows ...[]string) {
	for i, row := range rows {
		fmt.Fprintf(&s.body, "| %s |\n", strings.Join(row, " | "))
		if i > 0 {
			continue
		}
		for column, heading := range row {
			if column == 0 || strings.HasSuffix(heading, " ") {
				s.body.WriteString("|---")
			} else {
				s.body.WriteString("|---:")
			}
		}
		s.body.WriteString("|\n")
	}
	s.body.WriteString("\n")
}

// nanos formats a time in ns, with three digits and grouped thousands.
func nanos(v float64) string {
	if math.Abs(v) < 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	if unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2); unit > 1 {
		v = math.Round(v/unit) * unit
	}
	return count(int(math.Round(v)))
}

// count formats a number with grouped thousands.
func count(n int) string {
	if n < 0 {
		return "−" + count(-n)
	}
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}

// ratio formats a ratio with two decimals, or three if it is small.
func ratio(v float64) string {
	if v < 0.1 {
		return precise(v)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func precise(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

func allocations(v float64) string { return count(int(math.Round(v))) }

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

func kibibytes(bytes float64) string { return fmt.Sprintf("%.1f KiB", bytes/1024) }

func millis(v float64) string { return fmt.Sprintf("%.1f ms", v/1e6) }
