package explain

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const maxConfig = 1 << 20 // bytes

// readConfig reads an issuer from a JSON file. It reports every mistake: members that
// are not known, and values of another type.
func readConfig(name string) (verifier.Issuer, error) {
	f, err := os.Open(name)
	if err != nil {
		return verifier.Issuer{}, notRead(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return verifier.Issuer{}, notRead(err)
	case len(text) > maxConfig:
		return verifier.Issuer{}, notRead(fmt.Errorf("it is longer than %d bytes", maxConfig))
	}
	members, err := strictjson.Parse(string(text), strictjson.Limits{Depth: 4, Members: 1000}, nil)
	if err != nil {
		return verifier.Issuer{}, notRead(err)
	}
	return issuerOf(members)
}

// notRead returns the error of a file without an issuer.
func notRead(err error) error { return presetError{fmt.Errorf("-config: %w", withoutPath(err))} }

// issuerOf returns the issuer that the members describe. In place of a required one
// with a mistake, the issuer has a stand-in, so that verifier.New finds the mistakes
// in the others.
func issuerOf(members strictjson.Object) (verifier.Issuer, error) {
	var iss verifier.Issuer
	r := memberReader{}
	for _, m := range members {
		r.at = m
		switch m.Name {
		case "Name":
			iss.Name = r.text(standIn)
		case "Aliases":
			iss.Aliases = r.list(nil)
		case "Audiences":
			iss.Audiences = r.list([]string{standIn})
		case "AudienceClaims":
			iss.AudienceClaims = r.list(nil)
		case "JWKSURL":
			iss.JWKSURL = r.text("https://unknown.invalid")
		case "JWKSFile":
			iss.FetchJWKS = fileFetcher("JWKSFile", r.text(standIn))
		case "Algorithms":
			iss.Algorithms = r.list(nil)
		case "TokenTypes":
			iss.TokenTypes = r.list(nil)
		case "ClientIDClaims":
			iss.ClientIDClaims = r.list(nil)
		case "ScopeClaims":
			iss.ScopeClaims = r.list(nil)
		case "WildcardScopes":
			iss.WildcardScopes = r.bool()
		case "RequireBound":
			iss.RequireBound = r.bool()
		case "MaxTokenAge":
			iss.MaxTokenAge = r.duration()
		case "MaxTokenLife":
			iss.MaxTokenLife = r.duration()
		case "Backdating":
			iss.Backdating = r.duration()
		case "TrustDomain":
			iss.TrustDomain = r.text("")
		case "ScopeLimit":
			iss.ScopeLimit = r.scopes()
		case "Accept":
			iss.Accept = r.accept()
		default:
			r.mistake("is not known: -help lists the members")
		}
	}
	return iss, errors.Join(r.errs...)
}

// memberReader reads the members of the JSON object, and collects mistakes.
type memberReader struct {
	at   strictjson.Member
	errs []error
}

// mistake reports what is wrong with the member. Its value is not in the error: it may
// be a secret. Its name is, redacted.
func (r *memberReader) mistake(text string) {
	r.errs = append(r.errs, fmt.Errorf("-config: %s %s", redact.Quote(r.at.Name), text))
}

// text returns a text, or instead if the member is none.
func (r *memberReader) text(instead string) string {
	text, ok := r.at.Value.Text()
	if !ok || text == "" {
		r.mistake("is no text: want one in quotes")
		return instead
	}
	return text
}

// list returns a list of texts, or instead if the member is none.
func (r *memberReader) list(instead []string) []string {
	list, ok := r.at.Value.Texts(1000)
	if !ok {
		r.mistake(`is no list of texts: want one such as ["a", "b"]`)
		return instead
	}
	return list
}

func (r *memberReader) bool() bool {
	raw := r.at.Value.JSON()
	if raw != "true" && raw != "false" {
		r.mistake("is neither true nor false")
	}
	return raw == "true"
}

func (r *memberReader) duration() time.Duration {
	text, ok := r.at.Value.Text()
	d, err := time.ParseDuration(text)
	if !ok || err != nil {
		r.mistake(`is no duration: want a text such as "10m"`)
		return 0
	}
	return d
}

func (r *memberReader) scopes() *scopes.Set {
	text, ok := r.at.Value.Text()
	_, malformed := scopes.AllOf(strings.Fields(text)) // Parse skips names that are malformed
	set, err := scopes.Parse(text)
	if !ok || malformed != nil || err != nil {
		r.mistake("is no text of scopes, separated by spaces")
		return nil
	}
	return &set
}

func (r *memberReader) accept() func(verifier.Client) error {
	rules := r.list([]string{"subject-is-client"})
	accept, err := acceptRules(`-config: "Accept"`, rules)
	if err != nil {
		r.errs = append(r.errs, err)
	}
	return accept
}
