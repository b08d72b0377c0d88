package telemetry

import "time"

// ReportVersion is the Version of a Report. It changes only if a field changes
// its meaning or goes away: new fields don't change it, so decoders must ignore
// fields that they don't know.
const ReportVersion = 1

// Report holds what the status page shows, and is its JSON form. Texts that
// others wrote, such as key IDs and errors, are quoted and cut; durations are in
// seconds. Lists are never null, and bounded: the Total beside each says how many
// entries there are.
type Report struct {
	Version int       `json:"version"`
	Service string    `json:"service"` // StatusConfig.Service
	At      time.Time `json:"at"`      // when the report was made
	Since   time.Time `json:"since"`   // when Status was called

	State    State     `json:"state"`   // the worst of Problems
	Verdict  string    `json:"verdict"` // the same in one sentence
	Problems []Problem `json:"problems"`

	Issuers       []IssuerReport `json:"issuers"`
	IssuersTotal  int            `json:"issuers_total"`
	Decisions     []Decisions    `json:"decisions"` // since the Verifier was made, by kind
	Minutes       []Minute       `json:"minutes"`   // the last hour, the oldest first; empty without Recent
	Refusals      []Refusals     `json:"refusals"`  // by Reason, the latest first; empty without Recent
	RefusalsTotal int            `json:"refusals_total"`

	Operations       []Operation `json:"operations"`
	OperationsTotal  int         `json:"operations_total"`
	OperationsDigest string      `json:"operations_digest,omitempty"` // equal on replicas that have the same policy; "" without one

	Revocations *RevocationsReport `json:"revocations,omitempty"` // nil without a list
}

// State says whether a service can decide about the calls that it gets.
type State string

const (
	Well     State = "well"     // it can
	Degraded State = "degraded" // it can, and something needs attention
	Failing  State = "failing"  // calls are refused that should not be
)

// Problem describes something that needs attention.
type Problem struct {
	State   State  `json:"state"`   // Degraded or Failing
	Subject string `json:"subject"` // what it is about: an issuer, an operation
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
}

// IssuerReport describes an issuer and its keys. If it is asked about tokens instead
// (RFC 7662), there are no keys: Fetches are questions, and Confirmed is the last one that
// was answered well.
type IssuerReport struct {
	Issuer      string       `json:"issuer"`             // the configured Name
	JWKSURL     string       `json:"jwks_url,omitempty"` // without user info and query
	Introspects bool         `json:"introspects,omitempty"`
	Optional    bool         `json:"optional,omitempty"`
	State       string       `json:"state"` // verifier.KeyState: "fresh", "stale", …
	Confirmed   time.Time    `json:"confirmed,omitzero"`
	Age         float64      `json:"age"` // seconds since Confirmed; 0 if never confirmed
	NextAttempt time.Time    `json:"next_attempt,omitzero"`
	Fetches     int          `json:"fetches"`
	LastError   string       `json:"last_error,omitempty"`
	Hint        string       `json:"hint,omitempty"` // of LastError
	UnknownKeys uint64       `json:"unknown_keys"`
	Keys        []Key        `json:"keys"`
	KeysTotal   int          `json:"keys_total"`
	Problems    []KeyProblem `json:"problems"`
	Allowed     uint64       `json:"allowed"` // decisions about this issuer's tokens
	Refused     uint64       `json:"refused"` // Unavailable included
}

// Key describes a key in use.
type Key struct {
	ID         string `json:"id"` // "" if it has none
	Algorithm  string `json:"algorithm"`
	Thumbprint string `json:"thumbprint"` // RFC 7638 with SHA-256
}

// KeyProblem describes a published key that has a problem.
type KeyProblem struct {
	KeyID       string `json:"key_id"`
	Text        string `json:"text"`
	Compromised bool   `json:"compromised,omitempty"`
}

// Decisions counts the decisions of one kind, of all issuers together. The fields
// are those of verifier.Count.
type Decisions struct {
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason,omitempty"`
	Remembered bool   `json:"remembered"`
	Count      uint64 `json:"count"`
}

// Minute counts the decisions of a minute.
type Minute struct {
	Start       time.Time `json:"start"`
	Allowed     uint64    `json:"allowed"`
	Refused     uint64    `json:"refused"`
	Unavailable uint64    `json:"unavailable"` // refused without a decision about the token
}

// Refusals describes the last refusals of one Reason.
type Refusals struct {
	Reason  string    `json:"reason"`
	Outcome string    `json:"outcome"` // of the last one
	Count   uint64    `json:"count"`   // that Recent has observed
	Hour    uint64    `json:"hour"`    // of these, in the last hour
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Latest  []Refusal `json:"latest"` // the latest first
}

// Refusal describes one refused call. It holds no token and no claims, except for
// what Found says of the one that was wrong.
type Refusal struct {
	At        time.Time `json:"at"`
	Operation string    `json:"operation,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`    // "" before one is known
	ClientID  string    `json:"client_id,omitempty"` // "" unless the token was verified
	KeyID     string    `json:"key_id,omitempty"`
	Found     string    `json:"found,omitempty"` // or the whole cause, if Expected is ""
	Expected  string    `json:"expected,omitempty"`
	Hint      string    `json:"hint,omitempty"`
}

// Operation is an operation of the service and its requirement.
type Operation struct {
	Name        string `json:"name"`
	Requirement string `json:"requirement"`       // as scopes.Requirement prints it
	Refused     bool   `json:"refused,omitempty"` // nobody meets it: it was never declared
	Public      bool   `json:"public,omitempty"`
}

// RevocationsReport describes the view of the list of revoked tokens, as
// revocation.Status does.
type RevocationsReport struct {
	State      State     `json:"state"`
	Entries    int       `json:"entries"`
	MaxEntries int       `json:"max_entries"`
	Generation uint64    `json:"generation"` // changes with every new cut-off
	Shared     bool      `json:"shared"`     // the list follows a source; the fields below are about it
	FailOpen   bool      `json:"fail_open,omitempty"`
	Position   string    `json:"position,omitempty"` // in the source
	Confirmed  time.Time `json:"confirmed,omitzero"` // the view is as of then; zero if never loaded
	Age        float64   `json:"age"`                // seconds since Confirmed; 0 if never loaded
	MaxAge     float64   `json:"max_age"`            // seconds
	Missing    int       `json:"missing,omitempty"`  // kept, although the source no longer has them
	LastError  string    `json:"last_error,omitempty"`
}
