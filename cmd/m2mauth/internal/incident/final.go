package incident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
)

// cutOff publishes the final cut-off. It follows the leaked secret's end: an earlier
// one would not cover the tokens that the thief gets in between.
func (m *machine) cutOff(ctx context.Context) error {
	m.step("Shut out every token that was issued before")
	if m.rec.Position != "" {
		m.term.Say("done: tokens issued up to %s", clock(m.rec.Bound))
		return nil
	}
	if m.rec.Bound.IsZero() {
		bound := m.bound(ctx)
		if err := m.mark(func(r *record) { r.Bound = bound }); err != nil { // before Publish: a repeated one has the same content
			return err
		}
	}
	position, err := m.fleet.Publish(ctx, m.cutoff(m.rec.Bound))
	if err != nil {
		return fmt.Errorf("the cut-off is not known to be stored: %w\nRun the same command again to go on", err)
	}
	m.term.Say("Tokens issued up to %s are refused from now on.", clock(m.rec.Bound))
	return m.mark(func(r *record) { r.Position = position })
}

// bound returns the time up to which the leaked secret's tokens may have been issued.
// A token that was got after its end tells it by the authority's own clock; otherwise
// it is this machine's, plus the difference that clocks may have.
func (m *machine) bound(ctx context.Context) time.Time {
	cause := errors.New("this run does not have the next secret")
	if m.rec.Deactivate {
		cause = errors.New("a deactivated client gets no token")
	} else if !m.secret.IsZero() {
		issued, err := m.probe(ctx, m.secret)
		if err == nil {
			return operate.Bound(issued)
		}
		cause = err
	}
	m.term.Say("The authority's time is not known: %v.", cause)
	m.term.Say("The bound is this machine's time plus %v. Until then, new tokens", m.skew)
	m.term.Say("of the client are refused too.")
	return operate.Bound(m.now().Add(m.skew))
}

// replicas tells who has seen the cut-off, and what is left to do.
func (m *machine) replicas(ctx context.Context) error {
	m.step("Wait for the replicas")
	all, err := operate.Replicas(ctx, m.fleet, m.rec.Position, m.wait, m.term)
	if err != nil {
		m.left(false)
		return fmt.Errorf("the replicas can't be asked: %w", err)
	}
	if all && m.rec.Finished.IsZero() {
		if err := m.mark(func(r *record) { r.Finished = m.now().UTC() }); err != nil {
			return err
		}
	}
	m.left(all)
	if !all {
		return errors.New("not every replica is known to refuse the tokens")
	}
	return nil
}

// left tells what is left to do.
func (m *machine) left(all bool) {
	fmt.Fprintln(m.term.Out, "\nLeft to do")
	if !all {
		m.term.Say("- See that every replica follows the store (m2mauth fleet status), or")
		m.term.Say("  take it out. Then run the same command again.")
	}
	if m.rec.Deactivate {
		m.term.Say("- Bring the client back with a secret that did not leak:")
		for _, command := range []string{"rotate start -secret-out FILE", "rotate complete -next LAST4", "enable -current LAST4"} {
			m.term.Say("    m2mauth %s \\", command)
			m.term.Say("      -client %s", operate.Plain(m.client))
		}
	} else if m.secretOut != "-" && !m.secret.IsZero() {
		m.term.Say("- Remove %s once the secret is stored elsewhere.", operate.Plain(m.secretOut))
	}
	m.term.Say("- Look in the audit log for what the client has done since the leak,")
	m.term.Say("  up to %s.", at(m.rec.Bound))
	m.term.Say("- Find how the secret leaked: the next one is stored in the same place.")
	if all {
		m.term.Say("- Remove %s.", operate.Plain(m.state))
	}
}
