package authority

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

var errMembers = errors.New("the body has an unknown member, or one of the wrong type: docs/authority.md shows it")

func members(body []byte, dst any) error {
	if decode(body, dst) != nil { // its error may quote a secret
		return errMembers
	}
	return nil
}

// rotateKeys publishes a new key that signs. The old ones stay published.
func (c *control) rotateKeys(body []byte, response map[string]any) error {
	if err := members(body, &struct{}{}); err != nil {
		return err
	}
	response["kid"] = c.authority.RotateKeys()
	return nil
}

// publishKey publishes a new key that does not sign yet.
func (c *control) publishKey(body []byte, response map[string]any) error {
	if err := members(body, &struct{}{}); err != nil {
		return err
	}
	key := m2mtest.NewKey(c.authority.Key().Algorithm)
	c.authority.PublishKey(key)
	response["kid"] = key.ID
	return nil
}

func (c *control) signWith(body []byte, response map[string]any) error {
	kid, err := c.publishedKey(body)
	if err == nil {
		c.authority.SignWith(kid)
		response["kid"] = kid
	}
	return err
}

// removeKey removes a key from the key set. If it signs, it continues to.
func (c *control) removeKey(body []byte, response map[string]any) error {
	kid, err := c.publishedKey(body)
	if err == nil {
		c.authority.RemoveKey(kid)
		response["kid"] = kid
	}
	return err
}

func (c *control) publishedKey(body []byte) (kid string, err error) {
	var p struct {
		Kid string `json:"kid"`
	}
	if err := members(body, &p); err != nil {
		return "", err
	}
	if !slices.Contains(c.authority.Keys(), p.Kid) {
		return "", errors.New("no published key has that kid: GET /state lists them")
	}
	return p.Kid, nil
}

// revoke ends all tokens that were issued before: a new key signs, and the others are
// removed. Services refuse the tokens once they have fetched the keys again.
func (c *control) revoke(body []byte, response map[string]any) error {
	if err := members(body, &struct{}{}); err != nil {
		return err
	}
	old := c.authority.Keys()
	response["kid"] = c.authority.RotateKeys()
	for _, kid := range old {
		c.authority.RemoveKey(kid)
	}
	return nil
}

var endpoints = map[string]m2mtest.Endpoint{
	"keys": m2mtest.KeysEndpoint, "token": m2mtest.TokenEndpoint, "clients": m2mtest.ClientsEndpoint,
}

func (c *control) startOutage(body []byte, _ map[string]any) error {
	var p struct {
		Endpoints []string          `json:"endpoints"`
		How       string            `json:"how"`
		Requests  int               `json:"requests"`
		Status    int               `json:"status"`
		Header    map[string]string `json:"header"`
		Body      string            `json:"body"`
	}
	if err := members(body, &p); err != nil {
		return err
	}
	o := m2mtest.Outage{Requests: p.Requests, Status: p.Status, Body: p.Body, Header: http.Header{}, Hang: p.How == "hang", Drop: p.How == "drop"}
	for name, value := range p.Header {
		o.Header.Set(name, value)
	}
	var errs []error
	for _, name := range p.Endpoints {
		if endpoints[name] == 0 {
			errs = append(errs, errors.New("endpoints: want keys, token and clients, or none for all"))
		}
		o.Endpoints |= endpoints[name]
	}
	responds := p.How == "" || p.How == "respond"
	if !responds && !o.Hang && !o.Drop {
		errs = append(errs, errors.New(`how: want "respond", "hang" or "drop"`))
	}
	if !responds && (p.Status != 0 || p.Body != "" || len(p.Header) > 0) {
		errs = append(errs, errors.New(`status, header and body belong to how "respond"`))
	}
	if p.Status != 0 && (p.Status < 200 || p.Status > 599) {
		errs = append(errs, errors.New("status: want an HTTP status from 200 to 599"))
	}
	if p.Requests < 0 {
		errs = append(errs, errors.New("requests: want how many fail, or 0 for all until the end"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.authority.Fail(o)
	return nil
}

func (c *control) endOutage(body []byte, _ map[string]any) error {
	if err := members(body, &struct{}{}); err != nil {
		return err
	}
	c.authority.Restore()
	return nil
}

// setClock shifts the clock of the tokens' times.
func (c *control) setClock(body []byte, _ map[string]any) error {
	var p struct {
		Shift string `json:"shift"`
	}
	if err := members(body, &p); err != nil {
		return err
	}
	shift, err := time.ParseDuration(p.Shift)
	if err != nil || shift.Abs() > maxShift {
		return errors.New(`shift: want a duration of at most ten years, such as "-2h", or "0s" for none`)
	}
	c.clock.set(shift)
	return nil
}

// mint signs any token, also one that nobody may accept. It needs no client.
func (c *control) mint(body []byte, response map[string]any) error {
	var p struct {
		ClientID string         `json:"client_id"`
		Scopes   []string       `json:"scopes"`
		TTL      string         `json:"ttl"`
		Claims   map[string]any `json:"claims"`
		Header   map[string]any `json:"header"`
		Forged   bool           `json:"forged"`
	}
	if err := members(body, &p); err != nil {
		return err
	}
	spec := m2mtest.TokenSpec{ClientID: p.ClientID, Scopes: p.Scopes, TTL: c.life, Claims: absentForNull(p.Claims), Header: absentForNull(p.Header)}
	if p.TTL != "" {
		ttl, err := time.ParseDuration(p.TTL)
		if err != nil || ttl == 0 || ttl.Abs() > maxShift {
			return errors.New(`ttl: want a duration of at most ten years, such as "5m", or "-5m" for an expired token`)
		}
		spec.TTL = ttl
	}
	if p.Forged {
		if c.stranger == nil {
			c.stranger = m2mtest.NewKey(c.authority.Key().Algorithm)
		}
		forger := *c.stranger
		forger.ID = c.authority.Key().ID
		spec.Key = &forger
	}
	response["access_token"] = c.authority.Token(spec)
	return nil
}

func absentForNull(members map[string]any) map[string]any {
	for name, value := range members {
		if value == nil {
			members[name] = m2mtest.Absent
		}
	}
	return members
}

// reset ends outages, sets the clock right, and leaves the clients of -clients alone.
// Keys stay.
func (c *control) reset(body []byte, _ map[string]any) error {
	if err := members(body, &struct{}{}); err != nil {
		return err
	}
	c.authority.Restore()
	c.clock.set(0)
	api, err := inProcess(c.authority)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var ids []string
	for client, err := range api.SearchClients(ctx, stytch.SearchParams{}) {
		if err != nil {
			return err
		}
		ids = append(ids, client.ID)
	}
	for _, id := range ids {
		if err := api.DeleteClient(ctx, id); err != nil {
			return err
		}
	}
	return plant(c.authority, c.seeds)
}
