package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// suite is one file of vectors, with the rules for its cases.
type suite struct {
	file      string
	algorithm string // that the signatures are checked by; "" if tokens say it themselves
	judge     judge

	// design, if not "", is the reason to refuse every case of the file.
	design string

	// ours lists cases of such a file that must be accepted: the file calls them
	// invalid because their signature uses our algorithm.
	ours map[int]string

	// known lists valid cases that we rightly refuse, with the reason. There is no
	// such list for invalid cases: accepting one is always wrong.
	known map[int]string
}

// judge returns whether each case of one group is accepted. If the whole group must
// be refused, it returns the reason as well.
type judge func(s suite, g group) (accepts func(vector) bool, design string, err error)

// result counts the outcomes of a suite.
type result struct {
	suite    suite
	cases    int
	agreed   int
	byDesign int
	diverged []int          // numbers in suite.known
	reasons  map[string]int // of refusals by design, with how many
}

func (s suite) title() string {
	if s.algorithm == "" {
		return "tokens"
	}
	return s.algorithm
}

func (r result) designs() []string {
	var list []string
	for _, reason := range slices.Sorted(maps.Keys(r.reasons)) {
		list = append(list, fmt.Sprintf("%s (%d)", reason, r.reasons[reason]))
	}
	for _, id := range slices.Sorted(maps.Keys(r.suite.ours)) {
		list = append(list, fmt.Sprintf("but tc%d is accepted: %s", id, r.suite.ours[id]))
	}
	return list
}

// run runs the vectors of s. The error names every case with an unexpected
// outcome.
func (s suite) run() (result, error) {
	r := result{suite: s, reasons: make(map[string]int)}
	f, err := load(s.file)
	if err != nil {
		return r, err
	}
	var errs []error
	wrong := func(id int, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: tc%d: %s", s.file, id, fmt.Sprintf(format, args...)))
	}
	met := make(map[int]bool)
	for _, g := range f.Groups {
		accepts, design, err := s.judge(s, g)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.file, err))
			continue
		}
		if s.design != "" {
			design = s.design
		}
		for _, v := range g.Tests {
			r.cases++
			accepted := accepts(v)
			// "acceptable" marks weaknesses of old implementations. We accept none.
			agreed := accepted == (v.Result == "valid")
			switch {
			case s.ours[v.ID] != "" && accepted:
				r.agreed++
			case s.ours[v.ID] != "":
				wrong(v.ID, "refused, but it is good: %s", s.ours[v.ID])
			case design != "" && accepted:
				wrong(v.ID, "accepted (%s), and has to be refused: %s", v.Comment, design)
			case design != "":
				r.byDesign++
				r.reasons[design]++
			case agreed:
				r.agreed++
			case !accepted && s.known[v.ID] != "":
				r.diverged = append(r.diverged, v.ID)
				met[v.ID] = true
			default:
				wrong(v.ID, "accepted = %t, but it is %s (%s)", accepted, v.Result, v.Comment)
			}
		}
	}
	if r.cases != f.Count || r.cases == 0 {
		errs = append(errs, fmt.Errorf("%s: %d cases, the file promises %d", s.file, r.cases, f.Count))
	}
	for _, id := range slices.Sorted(maps.Keys(s.known)) {
		if !met[id] {
			wrong(id, "is listed as a divergence, and is none")
		}
	}
	return r, errors.Join(errs...)
}
