package main

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

// TestQuick checks that every section can be measured and is not empty. After so
// short a time its figures mean nothing.
func TestQuick(t *testing.T) {
	s := newSuite(true)
	s.run(regexp.MustCompile(""))
	for _, part := range s.sections {
		if !strings.Contains(part.body.String(), "\n|---") {
			t.Errorf("%q has no table", part.title)
		}
	}
	if len(s.goals) == 0 {
		t.Error("no goals")
	}
	document := s.markdown()
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(document, bad) {
			t.Errorf("%q in what would be RESULTS.md", bad)
		}
	}
	checkTables(t, document)
	checkXML(t, s.chart.svg())
}

// checkTables checks that the rows of each table are as long as its heading.
func checkTables(t *testing.T, document string) {
	columns := 0
	for line := range strings.Lines(document) {
		switch n := strings.Count(line, "|"); {
		case n == 0:
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("%d columns, want %d: %s", n-1, columns-1, line)
		}
	}
}

func checkXML(t *testing.T, document string) {
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct{ got, want string }{
		{nanos(0.25), "0.2"},
		{nanos(9.96), "10.0"},
		{nanos(211.4), "211"},
		{nanos(35249), "35,200"},
		{nanos(-1234), "−1,230"},
		{nanos(1234567), "1,230,000"},
		{count(0), "0"},
		{count(1000), "1,000"},
		{count(1000001), "1,000,001"},
		{ratio(1.005), "1.00"},
		{percent(0.667), "66.7 %"},
		{kibibytes(2048), "2.0 KiB"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		values   []float64
		p50, p99 float64
	}{
		{[]float64{7}, 7, 7},
		{[]float64{3, 1, 2}, 2, 3},
		{[]float64{1, 1, 1, 1, 100}, 1, 100},
	}
	for _, tt := range tests {
		if got := median(tt.values); got != tt.p50 {
			t.Errorf("median of %v: %v, want %v", tt.values, got, tt.p50)
		}
		if got := percentile(tt.values, 99); got != tt.p99 {
			t.Errorf("99th percentile of %v: %v, want %v", tt.values, got, tt.p99)
		}
	}
}

// TestMeasure checks how often a probe does its operation, and on how many
// goroutines.
func TestMeasure(t *testing.T) {
	for _, workers := range []int{1, 3} {
		var team team
		done := make([]int, workers)
		for i := range workers {
			team = append(team, func() { done[i]++ })
		}
		team.run(10)
		sum := 0
		for _, n := range done {
			sum += n
			if n == 0 {
				t.Errorf("of %d workers one did nothing", workers)
			}
		}
		if sum != 10 {
			t.Errorf("%d workers: %d operations, want 10", workers, sum)
		}
	}
}

// TestCaches checks that each kind finds the tokens that were put in, and no other.
func TestCaches(t *testing.T) {
	for _, kind := range cacheKinds() {
		t.Run(kind.name, func(t *testing.T) {
			c, known := kind.build(100), new(int)
			if _, ok := c.get("a"); ok {
				t.Error("a token is found in an empty cache")
			}
			c.put("a", known)
			if got, ok := c.get("a"); !ok || got != known {
				t.Error("a token is not found")
			}
			if _, ok := c.get("b"); ok {
				t.Error("another token is found")
			}
		})
	}
}

// TestCacheBound checks that bounded caches stay bounded. A set holds eight tokens.
func TestCacheBound(t *testing.T) {
	c := newSets(ways)
	for n := range 100 {
		c.put(strings.Repeat("t", n), new(int))
	}
	found := 0
	for n := range 100 {
		if _, ok := c.get(strings.Repeat("t", n)); ok {
			found++
		}
	}
	if found > ways {
		t.Errorf("%d tokens, want at most %d", found, ways)
	}
}
