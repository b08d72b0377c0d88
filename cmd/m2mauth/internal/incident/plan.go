package incident

import (
	"fmt"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
)

// plan tells what a run would do. It changes nothing, also not the state.
func (m *machine) plan() {
	fmt.Fprintln(m.term.Out, "\nDry run: nothing is changed. A run would")
	n := 0
	say := func(done bool, format string, args ...any) {
		n++
		text := fmt.Sprintf(format, args...)
		if done {
			text = "(done) " + text
		}
		fmt.Fprintf(m.term.Out, "%4d  %s\n", n, text)
	}
	if m.stopgap && m.rec.Dead.IsZero() {
		say(m.rec.Stopped, "shut out the tokens issued so far; the thief can get new ones")
	}
	if m.rec.Deactivate {
		say(!m.rec.Dead.IsZero(), "deactivate the client: no machine of it gets tokens")
	} else {
		say(m.phase > toStart, "give the client a second secret, and store it in %s", operate.Plain(m.place()))
		say(m.phase > toDistribute || !m.rec.Distributed.IsZero(), "%s", m.howToDistribute())
		say(m.phase > toDistribute, "remove the secret that ends in %s", m.rec.Leaked)
	}
	say(m.rec.Position != "", "shut out every token that was issued before")
	say(!m.rec.Finished.IsZero(), "wait up to %v for the replicas", m.wait)
}

func (m *machine) place() string {
	if m.secretOut == "-" {
		return "standard output"
	}
	return m.secretOut
}

func (m *machine) howToDistribute() string {
	switch {
	case m.distributed:
		return "take your word (-distributed) that every instance has it"
	case m.distributeWith != "":
		return "run your command with it on standard input"
	default:
		return "wait until you say that every instance has it"
	}
}
