package stytch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Status is whether a machine gets tokens. Tokens that it has live on until
// they expire.
type Status string

const (
	Active   Status = stytchwire.StatusActive
	Inactive Status = stytchwire.StatusInactive
)

// M2MClient is a machine that is registered with a project.
type M2MClient struct {
	ID          string
	Name        string
	Description string
	Status      Status
	Scopes      []string

	// SecretLastFour is the end of the secret. NextSecretLastFour is that of
	// the next one while a rotation is under way, and else "".
	SecretLastFour     string
	NextSecretLastFour string

	// TrustedMetadata is what the project keeps of the machine, by its top-level
	// members. They are JSON, so that large numbers survive.
	TrustedMetadata map[string]json.RawMessage
}

// CreateParams describes a machine to register. The zero value is a machine
// without name and scopes.
type CreateParams struct {
	Name        string
	Description string
	Scopes      []string

	// TrustedMetadata holds whatever encoding/json takes.
	TrustedMetadata map[string]any

	// ID and Secret import a machine that another authority has registered, and
	// is to keep them: the ID is unique in the project, the secret has at least
	// 8 characters and is not guessable. Zero: Stytch makes them.
	ID     string
	Secret Secret
}

// CreateClient registers a machine and returns its secret, which is shown only
// now: Stytch keeps a hash of it.
//
// It is sent once, whatever happens. After an error that is not an *[Error] the
// machine may exist: search for it by its name before you try again.
func (c *Client) CreateClient(ctx context.Context, p CreateParams) (M2MClient, Secret, error) {
	metadata, err := marshalMetadata("CreateClient", p.TrustedMetadata)
	if err != nil {
		return M2MClient{}, Secret{}, err
	}
	var answer stytchwire.ClientResponse
	_, err = c.do(ctx, call{
		name: "CreateClient", method: "POST", path: stytchwire.ClientsPath,
		body: stytchwire.CreateRequest{
			ClientID:          p.ID,
			ClientSecret:      p.Secret.Reveal(),
			ClientName:        p.Name,
			ClientDescription: p.Description,
			Scopes:            append([]string{}, p.Scopes...), // [], not null
			TrustedMetadata:   metadata,
		},
		secrets: []Secret{p.Secret},
	}, &answer)
	if err != nil {
		return M2MClient{}, Secret{}, err
	}
	secret := answer.M2MClient.ClientSecret
	if answer.M2MClient.ClientID == "" || secret == "" {
		return M2MClient{}, Secret{}, errors.New("stytch: CreateClient: the answer holds no client_id and client_secret")
	}
	return fromWire(answer.M2MClient), NewSecret(secret), nil
}

// GetClient returns the machine of that ID.
func (c *Client) GetClient(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "GetClient", method: "GET", path: stytchwire.ClientPath(id), repeat: true,
	})
}

// UpdateParams says what is to change; nil leaves things as they are.
type UpdateParams struct {
	Name        *string // new("billing")
	Description *string
	Status      *Status // new(stytch.Inactive)

	// Scopes, if not nil, are all the scopes from now on: an empty slice takes
	// them away.
	Scopes []string

	// TrustedMetadata is merged by its top-level members; nil removes one.
	TrustedMetadata map[string]any
}

// UpdateClient changes a machine and returns what it is then.
func (c *Client) UpdateClient(ctx context.Context, id string, p UpdateParams) (M2MClient, error) {
	metadata, err := marshalMetadata("UpdateClient", p.TrustedMetadata)
	if err != nil {
		return M2MClient{}, err
	}
	return c.one(ctx, id, call{
		name: "UpdateClient", method: "PUT", path: stytchwire.ClientPath(id), repeat: true,
		body: stytchwire.UpdateRequest{
			ClientName:        p.Name,
			ClientDescription: p.Description,
			Status:            (*string)(p.Status),
			Scopes:            slices.Clone(p.Scopes),
			TrustedMetadata:   metadata,
		},
	})
}

// DeleteClient removes a machine for good. If an answer is lost and the machine
// is gone at the next attempt, it was this call that removed it.
func (c *Client) DeleteClient(ctx context.Context, id string) error {
	if err := checkClientID("DeleteClient", id); err != nil {
		return err
	}
	var answer stytchwire.DeleteResponse
	attempts, err := c.do(ctx, call{
		name: "DeleteClient", method: "DELETE", path: stytchwire.ClientPath(id), repeat: true,
	}, &answer)
	if attempts > 1 && errors.Is(err, ClientNotFound) {
		return nil
	}
	return err
}

// one makes a call about the machine of that ID.
func (c *Client) one(ctx context.Context, id string, k call) (M2MClient, error) {
	answer, err := c.oneWire(ctx, id, k)
	return fromWire(answer), err
}

func (c *Client) oneWire(ctx context.Context, id string, k call) (stytchwire.Client, error) {
	if err := checkClientID(k.name, id); err != nil {
		return stytchwire.Client{}, err
	}
	var answer stytchwire.ClientResponse
	if _, err := c.do(ctx, k, &answer); err != nil {
		return stytchwire.Client{}, err
	}
	if answer.M2MClient.ClientID != id {
		return stytchwire.Client{}, fmt.Errorf("stytch: %s: the answer is about another client", k.name)
	}
	return answer.M2MClient, nil
}

// checkClientID keeps an ID to one segment of the path: DELETE of "" or ".."
// is a call about something else.
func checkClientID(name, id string) error {
	if id == "" || id == "." || id == ".." || len(id) > 256 {
		return fmt.Errorf("stytch: %s: malformed client ID of %d bytes: write the one that CreateClient returned", name, len(id))
	}
	return nil
}

func fromWire(w stytchwire.Client) M2MClient {
	c := M2MClient{
		ID: w.ClientID, Name: w.ClientName, Description: w.ClientDescription,
		Status: Status(w.Status), Scopes: w.Scopes,
		SecretLastFour: w.ClientSecretLastFour, TrustedMetadata: w.TrustedMetadata,
	}
	if w.NextClientSecretLastFour != nil {
		c.NextSecretLastFour = *w.NextClientSecretLastFour
	}
	return c
}

func marshalMetadata(name string, m map[string]any) (stytchwire.Metadata, error) {
	if m == nil {
		return nil, nil
	}
	wire := stytchwire.Metadata{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		value, err := json.Marshal(m[key])
		if err != nil {
			return nil, fmt.Errorf("stytch: %s: TrustedMetadata[%q]: %w", name, key, err)
		}
		wire[key] = value
	}
	return wire, nil
}
