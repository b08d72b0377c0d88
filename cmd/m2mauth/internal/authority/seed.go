package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// seed is a client of the file of -clients, with the names of Stytch's API.
type seed struct {
	ID          string
	Secret      string
	Name        string
	Description string
	Status      string
	Scopes      []string
	Metadata    map[string]any
}

// readSeeds reads the file. It returns every mistake in it, and no secret. "" is no
// file.
func readSeeds(path string) ([]seed, error) {
	if path == "" {
		return nil, nil
	}
	text, err := operate.ReadSecret("-clients", path) // its error repeats no path
	if err != nil {
		return nil, err
	}
	var top map[string]json.RawMessage
	if err := jsonv2.Unmarshal([]byte(text), &top); err != nil || top == nil { // err may quote the file
		return nil, errors.New(`-clients: the file is malformed JSON or has a name twice: want {"clients": [{"client_id": …}]}`)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if name != "clients" {
			errs = append(errs, fmt.Errorf("-clients: unknown member %s: want clients alone", redact.Quote(name)))
		}
	}
	var all []map[string]json.RawMessage
	if top["clients"] == nil || json.Unmarshal(top["clients"], &all) != nil || all == nil {
		return nil, errors.Join(append(errs, errors.New("-clients: clients is no array of objects"))...)
	}
	seeds := make([]seed, len(all))
	seen := map[string]int{}
	for i, members := range all {
		errs = append(errs, seeds[i].read(i, members))
		if first, twice := seen[seeds[i].ID]; twice && seeds[i].ID != "" {
			errs = append(errs, fmt.Errorf("-clients: clients[%d] has the client_id of clients[%d]", i, first))
		}
		seen[seeds[i].ID] = i
	}
	return seeds, errors.Join(errs...)
}

func (s *seed) read(i int, members map[string]json.RawMessage) error {
	fields := map[string]any{
		"client_id": &s.ID, "client_secret": &s.Secret, "client_name": &s.Name, "client_description": &s.Description,
		"status": &s.Status, "scopes": &s.Scopes, "trusted_metadata": &s.Metadata,
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field, known := fields[name]
		if !known {
			errs = append(errs, fmt.Errorf("-clients: clients[%d] has the unknown member %s: known are %v", i, redact.Quote(name),
				slices.Sorted(maps.Keys(fields))))
		} else if err := decode(members[name], field); err != nil {
			errs = append(errs, fmt.Errorf("-clients: clients[%d]: %s has the wrong type", i, name)) // err may quote a secret
		}
	}
	for _, name := range []string{"client_id", "client_secret"} {
		if members[name] == nil || string(members[name]) == `""` {
			errs = append(errs, fmt.Errorf("-clients: clients[%d] has no %s", i, name))
		}
	}
	switch stytch.Status(s.Status) {
	case "", stytch.Active, stytch.Inactive:
	default:
		errs = append(errs, fmt.Errorf("-clients: clients[%d]: status is neither active nor inactive", i))
	}
	return errors.Join(errs...)
}

// plant makes the clients be as the seeds say, and returns every refusal of the API.
// Other clients stay.
func plant(a *m2mtest.Authority, seeds []seed) error {
	if len(seeds) == 0 {
		return nil
	}
	api, err := inProcess(a)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var errs []error
	for i, s := range seeds {
		err := api.DeleteClient(ctx, s.ID)
		if e, refused := errors.AsType[*stytch.Error](err); err == nil || refused && e.Status == 404 {
			_, _, err = api.CreateClient(ctx, stytch.CreateParams{
				ID: s.ID, Secret: stytch.NewSecret(s.Secret), Name: s.Name, Description: s.Description,
				Scopes: s.Scopes, TrustedMetadata: s.Metadata,
			})
		}
		if err == nil && s.Status == string(stytch.Inactive) {
			_, err = api.UpdateClient(ctx, s.ID, stytch.UpdateParams{Status: new(stytch.Inactive)})
		}
		if e, refused := errors.AsType[*stytch.Error](err); refused {
			err = errors.New(e.Message)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("-clients: clients[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}
