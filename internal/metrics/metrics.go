// Package metrics lists what telemetry/otelm2m and telemetry/promm2m measure, once
// for both.
package metrics

import "github.com/m2mauth/m2mauth/verifier"

// Kind says how the values of a Metric behave.
type Kind uint8

const (
	Gauge   Kind = iota // goes up and down
	Counter             // never goes down
)

// Metric describes a metric, by OpenTelemetry's conventions: the name has dots,
// the unit is UCUM.
type Metric struct {
	Name        string
	Unit        string // "s" if the values are no whole numbers
	Description string
	Kind        Kind
	Labels      []Label // at most len(Values)
}

// Label is an attribute. It is absent where its value is "".
type Label struct {
	Name string
	Bool bool // its values are "true" and "false"
	Int  bool // its values are whole numbers
}

// Values holds the values of a Metric's Labels, in the same order.
type Values [4]string

// The attributes. All have few values, that strangers can't choose.
var (
	Issuer      = Label{Name: "m2mauth.issuer"} // the configured Name
	Outcome     = Label{Name: "m2mauth.outcome"}
	ErrorType   = Label{Name: "error.type"} // the Reason, on failure only
	Remembered  = Label{Name: "m2mauth.remembered", Bool: true}
	keyState    = Label{Name: "m2mauth.keys.state"}
	compromised = Label{Name: "m2mauth.keys.compromised", Bool: true}
)

// Duration is the histogram of first sights. Its values are not among those of
// Sources.All: it is filled by Observe functions.
var Duration = Metric{
	Name:        "m2mauth.verification.duration",
	Unit:        "s",
	Description: "Time to decide about a token that was not remembered.",
	Labels:      []Label{Issuer, Outcome},
}

// Buckets returns the bounds for Duration, in seconds: a signature check takes 20
// to 200 µs, and a call that waits for a key up to a second.
func Buckets() []float64 {
	return []float64{
		5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5,
	}
}

// FirstSight returns the labels of Duration for d. It returns false for decisions
// that took no verification: the token was remembered, or there was none.
func FirstSight(d *verifier.Decision) (c verifier.Count, ok bool) {
	if d.Cached {
		return c, false
	}
	c = d.Count()
	if c.Outcome == verifier.NoCredentials.String() || c.Reason == "" && c.Issuer == "" { // the last is scopes.Public
		return c, false
	}
	return verifier.Count{Issuer: c.Issuer, Outcome: c.Outcome}, true
}
