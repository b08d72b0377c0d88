// Package operate holds the parts that commands share: flags and what is said of
// mistakes in them, the project at Stytch, the terminal, and files that hold a secret.
package operate

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/stytch"
)

// Exit statuses of the commands that change something.
const (
	Done    = 0
	NotSafe = 1 // refused, failed, or not known to have happened
	Usage   = 2
	Waiting = 3 // stopped until somebody has distributed the next secret
)

// Project describes the project at Stytch by flags and the environment.
type Project struct {
	ID, SecretFile, URL string
}

// ProjectUsage describes the flags of a Project.
const ProjectUsage = `The project at Stytch:
  -project ID            its ID; $STYTCH_PROJECT_ID by default
  -project-secret-file FILE
                         its own secret; $STYTCH_SECRET by default
  -url URL               its API, if it has a custom domain or is local;
                         $STYTCH_URL by default
`

// Register adds the flags.
func (p *Project) Register(fs *flag.FlagSet) {
	fs.StringVar(&p.ID, "project", os.Getenv("STYTCH_PROJECT_ID"), "")
	fs.StringVar(&p.SecretFile, "project-secret-file", "", "")
	fs.StringVar(&p.URL, "url", os.Getenv("STYTCH_URL"), "")
}

// Open returns the client for the project's API.
func (p *Project) Open() (*stytch.Client, error) {
	secret := os.Getenv("STYTCH_SECRET")
	if p.SecretFile != "" {
		var err error
		if secret, err = ReadSecret("-project-secret-file", p.SecretFile); err != nil {
			return nil, err
		}
	}
	return stytch.New(p.ID, stytch.NewSecret(secret), &stytch.Options{BaseURL: p.URL})
}

// TokenURL returns the token endpoint of the project.
func (p *Project) TokenURL() string {
	return stytchwire.BaseURL(p.ID, p.URL) + stytchwire.TokenPath(p.ID)
}

// CheckClient returns an error unless id can be a client's ID.
func CheckClient(id string) error {
	if strings.TrimSpace(id) == "" {
		return errors.New("-client is missing: write the client's ID")
	}
	if id != strings.TrimSpace(id) || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("-client: a client's ID has no spaces and no control characters")
	}
	return nil
}

// CheckEnd returns an error unless end can be the last four characters of a secret,
// as Stytch shows them. With required, "" is an error too.
func CheckEnd(name, end string, required bool) error {
	if end == "" && !required {
		return nil
	}
	if len(end) != 4 || strings.ContainsFunc(end, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%s: want the last four characters of a secret, and never more of it", name)
	}
	return nil
}

// CheckNote returns an error unless note is a line that can stand with a cut-off.
func CheckNote(note string) error {
	if len(note) > 200 || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("-note: want one line of at most 200 bytes")
	}
	if redact.Tokens(note) != note {
		return errors.New("-note holds what looks like a secret: every replica and the store would keep it")
	}
	return nil
}

// DefaultIssuer returns the Name that package stytch gives to the project of the
// environment, or "".
func DefaultIssuer() string {
	if project := os.Getenv("STYTCH_PROJECT_ID"); project != "" {
		return "stytch.com/" + project
	}
	return ""
}

// CheckIssuer returns an error unless name can be an issuer's.
func CheckIssuer(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("-issuer is missing: write the Name of the services' verifier.Issuer")
	case redact.Text(name) != name:
		return errors.New("-issuer holds what looks like a secret")
	}
	return nil
}

// End returns the last four characters of a secret.
func End(s stytch.Secret) string {
	text := s.Reveal()
	return text[max(0, len(text)-4):]
}
