package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/stytch"
)

// printed is a client as JSON, with the names of Stytch's API.
type printed struct {
	ID              string                     `json:"client_id"`
	Name            string                     `json:"client_name"`
	Description     string                     `json:"client_description"`
	Status          stytch.Status              `json:"status"`
	Scopes          []string                   `json:"scopes"`
	LastFour        string                     `json:"client_secret_last_four"`
	NextLastFour    string                     `json:"next_client_secret_last_four,omitempty"`
	TrustedMetadata map[string]json.RawMessage `json:"trusted_metadata"`
}

// print writes a client: as one line of JSON, or as lines for people.
func (o *options) print(w io.Writer, c stytch.M2MClient) error {
	if o.json {
		line, err := json.Marshal(printed{
			c.ID, c.Name, c.Description, c.Status, append([]string{}, c.Scopes...), c.SecretLastFour, c.NextSecretLastFour, c.TrustedMetadata,
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", line)
		return err
	}
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-12s %s\n", name, operate.Plain(value))
		}
	}
	b.WriteString(operate.Plain(c.ID) + "\n")
	field("name", c.Name)
	field("description", c.Description)
	field("status", string(c.Status))
	field("scopes", strings.Join(c.Scopes, " "))
	secret := "ends in " + c.SecretLastFour
	if c.NextSecretLastFour != "" {
		secret += ", the next one in " + c.NextSecretLastFour
	}
	field("secret", secret)
	for _, name := range slices.Sorted(maps.Keys(c.TrustedMetadata)) {
		field("metadata", name+" = "+string(c.TrustedMetadata[name]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
