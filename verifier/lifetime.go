package verifier

import "time"

// lifetime is the time in which a token is valid, the leeway included. until
// itself is no longer in it. early and late are the Reasons of a refusal before
// from, and from until on.
type lifetime struct {
	from, until    time.Time
	early, late    Reason
	leeway, maxAge time.Duration // for the text of a refusal
}

// dates holds the times that a token names. All but expires may be zero.
type dates struct{ issued, notBefore, expires time.Time }

func (d dates) lifetime(leeway, maxAge time.Duration) lifetime {
	l := lifetime{
		from: d.notBefore.Add(-leeway), early: NotYetValid,
		until: d.expires.Add(leeway), late: Expired,
		leeway: leeway,
	}
	if d.issued.After(d.notBefore) {
		l.from, l.early = d.issued.Add(-leeway), IssuedInFuture
	}
	if aged := d.issued.Add(maxAge).Add(leeway); maxAge > 0 && aged.Before(l.until) {
		l.until, l.late, l.maxAge = aged, TooOld, maxAge
	}
	return l
}

// checkLife refuses a token that is issued for longer than most, if that is
// positive. Without "iat" only the time from now is known, on another clock than
// the issuer's: the leeway applies.
func (d dates) checkLife(now time.Time, leeway, most time.Duration) *Error {
	if most <= 0 {
		return nil
	}
	from, limit, since := d.issued, most, `"iat"`
	if from.IsZero() {
		from, since = now, "now"
		if limit += leeway; limit < most {
			limit = most // the longest Duration
		}
	}
	life := d.expires.Sub(from)
	if life <= limit {
		return nil
	}
	return refuseWith(InvalidToken, TooLongLived, cause(func() string {
		return `"exp" is ` + life.String() + " after " + since + ", want at most the MaxTokenLife, " + most.String()
	}))
}

// at refuses the token if it is not valid at now.
func (l *lifetime) at(now time.Time) *Error {
	switch {
	case !now.Before(l.until):
		return refuseWith(InvalidToken, l.late, l.lateAt(now))
	case now.Before(l.from):
		return refuseWith(InvalidToken, l.early, l.earlyAt(now))
	}
	return nil
}

// lateAt returns the cause of Expired, TooOld and TooLongLived.
func (l *lifetime) lateAt(now time.Time) error {
	until, leeway, maxAge, setting := l.until, l.leeway, l.maxAge, "MaxTokenAge"
	if l.late == TooLongLived { // see answered
		setting = "MaxTokenLife"
	}
	return cause(func() string {
		name, limit := `"exp"`, ""
		if maxAge > 0 {
			name, limit = `"iat"`, setting+" is "+maxAge.String()+", "
		}
		return name + " " + when(until.Add(-leeway-maxAge), now) + "; " + limit + "the leeway is " + leeway.String()
	})
}

// earlyAt returns the cause of NotYetValid and IssuedInFuture.
func (l *lifetime) earlyAt(now time.Time) error {
	from, leeway, early := l.from, l.leeway, l.early
	return cause(func() string {
		name := `"nbf" `
		if early == IssuedInFuture {
			name = `"iat" `
		}
		return name + when(from.Add(leeway), now) + "; the leeway is " + leeway.String()
	})
}
