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

// Status says whether an M2M client can get tokens. Tokens that were issued before
// a change of the status stay valid until they expire.
type Status string

// The statuses of an M2M client.
const (
	Active   Status = stytchwire.StatusActive   // gets tokens
	Inactive Status = stytchwire.StatusInactive // gets no new tokens
)

// M2MClient describes a machine that is registered with a project.
type M2MClient struct {
	ID          string
	Name        string
	Description string
	Status      Status
	Scopes      []string

	// SecretLastFour holds the last four characters of the current secret.
	SecretLastFour string

	// NextSecretLastFour holds those of the next secret during a rotation. It is ""
	// if no rotation is in progress.
	NextSecretLastFour string

	// TrustedMetadata holds the project's own data about the client, by top-level
	// member. The values are JSON, so that large numbers keep their precision.
	TrustedMetadata map[string]json.RawMessage
}

// CreateParams describes an M2M client to register. The zero value registers one
// without name and scopes.
type CreateParams struct {
	Name        string
	Description string
	Scopes      []string

	// TrustedMetadata holds the project's own data about the client. The values can
	// be anything that encoding/json marshals.
	TrustedMetadata map[string]any

	// ID and Secret import a client of another authority, which keeps both. The ID
	// must be unique in the project. The secret must have at least 8 characters and
	// must not be guessable. If they are zero, Stytch generates them.
	ID     string
	Secret Secret
}

// CreateClient registers an M2M client and returns it with its secret. The secret
// can't be read again, because Stytch keeps only a hash of it.
//
// CreateClient is never repeated. After an error other than *[Error], the client may
// exist: search for its name before calling CreateClient again.
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
		return M2MClient{}, Secret{}, errors.New("stytch: CreateClient: the response lacks client_id or client_secret")
	}
	return fromWire(answer.M2MClient), NewSecret(secret), nil
}

// GetClient returns the M2M client with that ID. It fails with [ClientNotFound] if
// there is none.
func (c *Client) GetClient(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "GetClient", method: "GET", path: stytchwire.ClientPath(id), repeat: true,
	})
}

// UpdateParams holds the changes that [Client.UpdateClient] makes. A nil field changes
// nothing.
type UpdateParams struct {
	Name        *string // for example new("billing")
	Description *string
	Status      *Status // for example new(stytch.Inactive)

	// Scopes replaces all scopes. An empty slice removes them.
	Scopes []string

	// TrustedMetadata replaces the top-level members that it names and keeps the
	// others. A nil value removes its member.
	TrustedMetadata map[string]any
}

// UpdateClient changes an M2M client and returns its new state.
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

// DeleteClient removes an M2M client permanently. It succeeds as well if a repeated
// request finds no such client: the first request has then removed it.
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

// one sends a call about the client with that ID.
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
		return stytchwire.Client{}, fmt.Errorf("stytch: %s: the response is about another client", k.name)
	}
	return answer.M2MClient, nil
}

// checkClientID refuses IDs that are not one segment of a path. With "" or "..", the
// request would concern another resource.
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
