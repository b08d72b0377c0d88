package main

import "fmt"

// goal is a bound for a figure of m2mauth, and the figure that was measured.
type goal struct {
	what   string
	want   string
	got    string
	met    bool
	reason string // why it is not met, if it is not
}

// aim records a goal. The reason is printed only if the goal is missed.
func (s *suite) aim(met bool, what, want, got, reason string) {
	if met {
		reason = ""
	}
	s.goals = append(s.goals, goal{what, want, got, met, reason})
}

// elsewhere says where the goals are measured that need more than this process.
const elsewhere = `Measured elsewhere: how fast a revocation reaches 20 replicas, through a Redis that is killed and comes back, by
go -C redisfleet run ./fleettest; what hostile calls get past m2mauth and its peers on the same service, by go run ./attacks.
The counters of decisions can't be switched off: go test ./verifier -bench Counts has a decision that does nothing but count.`

func goalSection(goals []goal) *section {
	s := &section{title: "Goals"}
	missed := 0
	rows := [][]string{{"what", "goal ", "measured ", "met "}}
	for _, g := range goals {
		met := "yes"
		if !g.met {
			met = "**no**"
			missed++
		}
		rows = append(rows, []string{g.what, g.want, g.got, met})
	}
	s.text("%d of %d are met. The figures are this run's; absolute times depend on the machine.", len(goals)-missed, len(goals))
	s.table(rows...)
	for _, g := range goals {
		if !g.met {
			fmt.Fprintf(&s.body, "- *%s*: %s\n", g.what, g.reason)
		}
	}
	if missed > 0 {
		s.body.WriteString("\n")
	}
	s.text("%s", elsewhere)
	return s
}
