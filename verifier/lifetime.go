package verifier

import "time"

// lifetime is when a token is good, the leeway included: from one moment on,
// and until another, at which it is not. Each has the Reason why it isn't
// before, and after.
type lifetime struct {
	from, until time.Time
	early, late Reason
}

// dates are the times that a token names. All but expires may be zero.
type dates struct{ issued, notBefore, expires time.Time }

func (d dates) lifetime(leeway, maxAge time.Duration) lifetime {
	l := lifetime{
		from: d.notBefore.Add(-leeway), early: NotYetValid,
		until: d.expires.Add(leeway), late: Expired,
	}
	if d.issued.After(d.notBefore) {
		l.from, l.early = d.issued.Add(-leeway), IssuedInFuture
	}
	if aged := d.issued.Add(maxAge).Add(leeway); maxAge > 0 && aged.Before(l.until) {
		l.until, l.late = aged, TooOld
	}
	return l
}

// at holds the lifetime against the clock.
func (l *lifetime) at(now time.Time) *Error {
	switch {
	case !now.Before(l.until):
		return refuse(InvalidToken, l.late)
	case now.Before(l.from):
		return refuse(InvalidToken, l.early)
	}
	return nil
}
