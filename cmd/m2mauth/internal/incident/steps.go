package incident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch"
)

// mark changes the record and stores it. An error ends the run: without the record,
// the next run would not know what has happened.
func (m *machine) mark(change func(*record)) error {
	change(m.rec)
	return m.rec.save(m.state)
}

func (m *machine) step(title string) { m.term.Step(m.total, title) }

// cutoff returns the cut-off for the client's tokens that were issued up to a time.
func (m *machine) cutoff(bound time.Time) revocation.Cutoff {
	return revocation.Cutoff{Issuer: m.issuer, Select: revocation.Client(m.client), IssuedUpTo: bound, Note: m.rec.Note}
}

// publishStopgap shuts out the tokens that were issued so far, while the leaked secret
// still gets new ones.
func (m *machine) publishStopgap(ctx context.Context) error {
	m.step("Stopgap: shut out the tokens issued so far")
	if m.rec.Stopgap.IsZero() {
		if err := m.mark(func(r *record) { r.Stopgap = operate.Bound(m.now()) }); err != nil {
			return err
		}
	}
	if m.rec.Stopped {
		m.term.Say("done: tokens issued up to %s", clock(m.rec.Stopgap))
		return nil
	}
	position, err := m.fleet.Publish(ctx, m.cutoff(m.rec.Stopgap))
	if err != nil {
		m.term.Say("It is not known to be stored, so it does not count. The rest goes on.")
		m.term.Fail(err)
		return nil
	}
	m.term.Say("Tokens issued up to %s are refused. The price: all", clock(m.rec.Stopgap))
	m.term.Say("machines of the client get new tokens now, and again at the final")
	m.term.Say("cut-off. The thief can get new ones too, until then.")
	if _, err := operate.Replicas(ctx, m.fleet, position, m.wait, m.term); err != nil {
		m.term.Say("The replicas can't be asked; the final cut-off asks them again.")
	}
	return m.mark(func(r *record) { r.Stopped = true })
}

// start starts the rotation.
func (m *machine) start(ctx context.Context) error {
	m.step("Give the client a second secret")
	if m.phase != toStart {
		m.term.Say("done: it ends in %s", m.rec.Next)
		return nil
	}
	if err := m.mark(func(r *record) { r.Starting = m.now().UTC() }); err != nil {
		return err
	}
	_, secret, err := rotate.Start(ctx, m.api, m.client, m.rec.Leaked, m.secretOut, m.secrets)
	if err != nil {
		return err
	}
	m.secret = secret
	if err := m.mark(func(r *record) { r.Next = operate.End(secret) }); err != nil {
		return err
	}
	m.term.Say("It ends in %s. Both secrets work.", m.rec.Next)
	if m.secretOut != "-" {
		m.term.Say("It is stored in %s, mode 0600.", operate.Plain(m.secretOut))
	}
	return nil
}

// distribute waits until every instance has the next secret.
func (m *machine) distribute(ctx context.Context) error {
	m.step("Distribute it to every instance")
	switch {
	case m.phase == toCutOff || !m.rec.Distributed.IsZero():
		m.term.Say("done")
		return nil
	case m.distributed:
		m.term.Say("done, as -distributed says")
	case m.distributeWith != "":
		if m.secret.IsZero() {
			return errors.New("-secret-out does not hold the next secret, so it can't be distributed: " +
				"distribute it yourself, and run the command again with -distributed")
		}
		if err := distribute(ctx, m.distributeWith, m.client, m.secret, m.output); err != nil {
			return err
		}
		m.term.Say("done by the command")
	default:
		if err := m.await(ctx); err != nil {
			return err
		}
	}
	return m.mark(func(r *record) { r.Distributed = m.now().UTC() })
}

// await waits for the operator's word.
func (m *machine) await(ctx context.Context) error {
	m.term.Say("An instance that lacks it loses access at the next step. If tokens")
	m.term.Say("go through stytch/gateway, its Answers tell who still uses %s", m.rec.Leaked)
	m.term.Say("(SecretLastFour).")
	ok, err := m.term.Ask(ctx, `Every instance has it? Type "distributed":`, "distributed")
	switch {
	case errors.Is(err, operate.ErrNobody) || err == nil && !ok:
		m.term.Say("Stopped. When every instance has it, run the same command again,")
		m.term.Say("with -distributed.")
		return errWaiting
	}
	return err
}

// complete removes the leaked secret.
func (m *machine) complete(ctx context.Context) error {
	m.step("Remove the leaked secret")
	if m.phase == toCutOff {
		m.term.Say("done: the only secret ends in %s", m.before.SecretLastFour)
		if m.before.NextSecretLastFour != "" {
			m.term.Say("Somebody has begun another rotation since. It is left alone.")
		}
	} else {
		if err := m.tryNext(ctx); err != nil {
			return err
		}
		if _, err := rotate.Complete(ctx, m.api, m.client, m.rec.Leaked, m.rec.Next); err != nil {
			return err
		}
		m.term.Say("The secret that ends in %s is the only one.", m.rec.Next)
	}
	return m.dead()
}

// tryNext gets a token with the next secret before the leaked one is removed, if this
// run has it.
func (m *machine) tryNext(ctx context.Context) error {
	if m.secret.IsZero() || m.before.Status != stytch.Active {
		return nil
	}
	if _, err := m.probe(ctx, m.secret); err != nil {
		return fmt.Errorf("the next secret gets no token, so the leaked one was not removed: %w", err)
	}
	return nil
}

// dead remembers when the leaked secret could get no more tokens.
func (m *machine) dead() error {
	if !m.rec.Dead.IsZero() {
		return nil
	}
	return m.mark(func(r *record) { r.Dead = m.now().UTC() })
}

// deactivateClient lets the client get no more tokens.
func (m *machine) deactivateClient(ctx context.Context) error {
	m.step("Deactivate the client")
	switch {
	case !m.rec.Dead.IsZero() && m.before.Status != stytch.Inactive:
		m.term.Say("done; somebody has enabled it since, with another secret")
		return nil
	case !m.rec.Dead.IsZero():
		m.term.Say("done")
		return nil
	}
	c, err := m.api.UpdateClient(ctx, m.client, stytch.UpdateParams{Status: new(stytch.Inactive)})
	if err == nil && c.Status != stytch.Inactive {
		err = fmt.Errorf("the client's status is %q, not inactive", string(c.Status))
	}
	if err != nil {
		return err
	}
	m.term.Say("It gets no more tokens.")
	return m.dead()
}
