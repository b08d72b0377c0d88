package incident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/stytch"
)

// machine goes through the steps of an incident. Each run looks at the client and at
// the record first, and begins with the first step that is not done.
type machine struct {
	options
	api     rotate.Authority
	fleet   operate.Fleet
	probe   func(context.Context, stytch.Secret) (time.Time, error)
	term    *operate.Terminal
	secrets io.Writer // standard output, if the secret goes there
	output  io.Writer // of -distribute-with
	now     func() time.Time

	rec    *record
	before stytch.M2MClient // as the run found it
	secret stytch.Secret    // the next one, if this run has it
	phase  phase
	total  int // steps
}

// phase is the first step of a rotation that is not done.
type phase int

const (
	toStart phase = iota
	toDistribute
	toCutOff
)

// run runs the steps that are not done. It returns nil if every replica is known to
// refuse the leaked secret's tokens.
func (m *machine) run(ctx context.Context) error {
	if err := m.look(ctx); err != nil {
		return err
	}
	m.introduce(ctx)
	if m.dryRun {
		m.plan()
		return nil
	}
	if !m.yes && m.rec.Finished.IsZero() {
		switch ok, err := m.term.Ask(ctx, `Begin? Type "yes":`, "yes"); {
		case err != nil:
			return err
		case !ok:
			return errors.New("nothing was changed")
		}
	}
	if err := m.rec.save(m.state); err != nil {
		return err
	}
	steps := []func(context.Context) error{}
	if m.stopgap && m.rec.Dead.IsZero() {
		steps = append(steps, m.publishStopgap)
	}
	if m.rec.Deactivate {
		steps = append(steps, m.deactivateClient)
	} else {
		steps = append(steps, m.start, m.distribute, m.complete)
	}
	steps = append(steps, m.cutOff, m.replicas)
	m.total = len(steps)
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look fills rec, before and phase.
func (m *machine) look(ctx context.Context) error {
	var err error
	if m.rec, err = load(m.state); err != nil {
		return err
	}
	if m.before, err = m.api.GetClient(ctx, m.client); err != nil {
		return err
	}
	if m.rec == nil {
		m.rec = &record{Version: version, Client: m.client, Issuer: m.issuer, Note: m.note, Began: m.now().UTC().Truncate(time.Second),
			Deactivate: m.deactivate, Leaked: m.leaked}
		if m.rec.Leaked == "" {
			m.rec.Leaked = m.before.SecretLastFour
		}
	}
	if err := m.matchRecord(); err != nil {
		return err
	}
	if !m.rec.Dead.IsZero() {
		return m.stillDead()
	}
	if !m.rec.Deactivate {
		m.phase, err = m.judge()
	}
	return err
}

// stillDead is for a run after the leaked secret's end. What has happened to the
// client since is somebody else's concern, unless the secret works again.
func (m *machine) stillDead() error {
	m.phase = toCutOff
	works := m.before.SecretLastFour == m.rec.Leaked || m.before.NextSecretLastFour == m.rec.Leaked
	if works && (!m.rec.Deactivate || m.before.Status != stytch.Inactive) {
		return fmt.Errorf("the leaked secret, which ends in %s, works again: somebody has brought it back since %s.\n"+
			"Remove %s to begin again", m.rec.Leaked, at(m.rec.Dead), operate.Plain(m.state))
	}
	if m.before.SecretLastFour == m.rec.Next {
		m.readSecret(m.rec.Next)
	}
	return nil
}

// matchRecord refuses flags that contradict the record, and adds to it what they add.
func (m *machine) matchRecord() error {
	r := m.rec
	switch {
	case r.Client != m.client || r.Issuer != m.issuer:
		return errors.New("-state: the file is about another client or another issuer: name another file")
	case m.leaked != "" && m.leaked != r.Leaked:
		return fmt.Errorf("-leaked: the incident is about the secret that ends in %s, not in %s: remove %s to begin another",
			r.Leaked, m.leaked, operate.Plain(m.state))
	case r.Deactivate && !m.deactivate:
		return errors.New("the incident was begun with -deactivate: go on with it, and use m2mauth rotate afterwards, " +
			"or remove its state to begin another")
	}
	if m.deactivate && !r.Deactivate { // the distribution takes too long
		r.Deactivate, r.Dead, r.Bound, r.Position, r.Finished = true, time.Time{}, time.Time{}, "", time.Time{}
	}
	if m.next != "" {
		r.Next = m.next
	}
	return nil
}

// judge returns the first step of a rotation that is not done, by the ends of the
// client's secrets. It refuses to act on another operator's rotation.
func (m *machine) judge() (phase, error) {
	now, next, r := m.before.SecretLastFour, m.before.NextSecretLastFour, m.rec
	if r.Next == "" && next != "" && now == r.Leaked { // a crash before the record was written
		if m.readSecret(next); !m.secret.IsZero() {
			r.Next = next
		}
	}
	switch {
	case next == r.Leaked:
		return 0, fmt.Errorf("the leaked secret is the next one of a rotation, and not the current one.\n"+
			"Remove it: m2mauth rotate cancel -client %s -next %s\n"+
			"Then shut out its tokens: m2mauth revoke -client %s", m.client, next, m.client)
	case now == r.Leaked && next == "" && r.Next == "":
		return toStart, nil
	case now == r.Leaked && next == "":
		return 0, fmt.Errorf("somebody has cancelled the rotation whose next secret ends in %s, so that secret does not work.\n"+
			"Remove %s to begin again", r.Next, operate.Plain(m.state))
	case now == r.Leaked && r.Next == "":
		return 0, fmt.Errorf("a rotation is in progress, and -secret-out does not hold its next secret, which ends in %[1]s.\n"+
			"If the instances get it from somebody: run the command again with -next %[1]s\n"+
			"If nobody has it: m2mauth rotate cancel -client %[2]s -next %[1]s", next, m.client)
	case now == r.Leaked && next == r.Next:
		m.readSecret(next)
		return toDistribute, nil
	case now == r.Leaked:
		return 0, fmt.Errorf("another operator's rotation is in progress: its next secret ends in %s, and not in %s.\n"+
			"If the instances get it: run the command again with -next %s", next, r.Next, next)
	case now == r.Next:
		m.readSecret(now)
		return toCutOff, nil
	}
	return 0, fmt.Errorf("the current secret ends in %[1]s: it is neither the leaked one (%[2]s) nor this incident's next one (%[3]s).\n"+
		"Somebody else has replaced the leaked secret. If the instances have the one that ends in %[1]s,\n"+
		"shut out the tokens issued before: run the command again with -leaked %[2]s -next %[1]s", now, r.Leaked, none(r.Next))
}

func none(end string) string {
	if end == "" {
		return "none"
	}
	return end
}

// readSecret reads the next secret from -secret-out, if that is a file that holds the
// one with this end.
func (m *machine) readSecret(end string) {
	if m.secretOut == "-" {
		return
	}
	text, err := operate.ReadSecret("-secret-out", m.secretOut)
	if secret := stytch.NewSecret(text); err == nil && len(text) > 4 && operate.End(secret) == end {
		m.secret = secret
	}
}

// introduce tells what is going to happen, and where it is remembered.
func (m *machine) introduce(ctx context.Context) {
	w := m.term.Out
	fmt.Fprintf(w, "Client         %s (%s)\n", operate.Plain(m.client), m.before.Status)
	fmt.Fprintf(w, "Leaked secret  ends in %s\n", m.rec.Leaked)
	fmt.Fprintf(w, "Tokens of      %s\n", operate.Plain(m.issuer))
	fmt.Fprintf(w, "Remembered in  %s\n", operate.Plain(m.state))
	switch {
	case !m.rec.Finished.IsZero():
		fmt.Fprintf(w, "Finished at %s. The replicas are looked at again.\nTo begin another incident of this client, remove the file.\n", at(m.rec.Finished))
	case m.rec.Began.Before(m.now().Add(-2*time.Second)) || m.phase != toStart:
		fmt.Fprintf(w, "Begun at %s; it goes on where it was.\n", at(m.rec.Began))
	}
	seen, err := m.fleet.Seen(ctx, m.rec.Position)
	if err != nil { // no reason to let the secret live
		fmt.Fprintln(w, "Replicas       the store can't be asked now, so nothing can be shut out:")
		m.term.Fail(err)
		return
	}
	fmt.Fprintf(w, "Replicas       %d follow the store\n", len(seen.Have)+len(seen.Missing))
}

// at returns a time for a line of the terminal.
func at(t time.Time) string { return t.UTC().Format("15:04:05 UTC on 2006-01-02") }

// clock returns a time of today for a line of the terminal.
func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }
