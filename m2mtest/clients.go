package m2mtest

import (
	"slices"
	"sync"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// client is a registered client. Its wire form has no secret.
type client struct {
	stytchwire.Client
	secret   secretHash
	next     secretHash // set while a rotation is under way
	imported bool
	seq      uint64 // its position in searches; never reused
}

// clientStore holds the clients, the oldest first. The zero value is empty.
type clientStore struct {
	mu    sync.Mutex
	all   []*client
	last  uint64
	store Store // nil for none
}

// apiError describes an error response of the API.
type apiError struct {
	status        int
	kind, message string
}

func badRequest(kind, message string) *apiError { return &apiError{400, kind, message} }

func notFound() *apiError {
	return &apiError{404, stytchwire.TypeClientNotFound, "The M2M Client could not be found."}
}

// find returns a client, or nil. The caller holds mu.
func (s *clientStore) find(id string) *client {
	for _, c := range s.all {
		if c.ClientID == id {
			return c
		}
	}
	return nil
}

// snapshot returns a copy that shares nothing with the store.
func (c *client) snapshot() stytchwire.Client {
	wire := c.Client
	wire.Scopes = append([]string{}, c.Scopes...)
	wire.TrustedMetadata = mergeMetadata(nil, c.TrustedMetadata)
	return wire
}

func (s *clientStore) create(req stytchwire.CreateRequest, idPrefix string) (stytchwire.Client, *apiError) {
	names, bad := checkScopes(req.Scopes)
	if bad == nil {
		bad = checkTexts(&req.ClientName, &req.ClientDescription)
	}
	if bad == nil {
		bad = checkMetadata(req.TrustedMetadata)
	}
	if bad != nil {
		return stytchwire.Client{}, bad
	}
	c := &client{imported: req.ClientID != ""}
	c.ClientID = req.ClientID
	if c.ClientID == "" {
		c.ClientID = idPrefix + newUUID()
	} else if !validClientID(c.ClientID) {
		return stytchwire.Client{}, badRequest(stytchwire.TypeInvalidClientID,
			"The client_id must be 1 to 128 printable ASCII characters, without spaces and slashes.")
	}
	secret := req.ClientSecret
	if secret == "" {
		secret = newSecret()
	} else if guessable(secret, c.ClientID) {
		return stytchwire.Client{}, badRequest(stytchwire.TypeInvalidClientSecret,
			"The client_secret must be at least 8 characters long and hard to guess.")
	}
	c.ClientName, c.ClientDescription = req.ClientName, req.ClientDescription
	c.Status = stytchwire.StatusActive
	c.Scopes = names
	c.TrustedMetadata = mergeMetadata(nil, req.TrustedMetadata)
	c.secret, c.ClientSecretLastFour = hashSecret(secret), lastFour(secret)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(c.ClientID) != nil {
		return stytchwire.Client{}, badRequest(stytchwire.TypeInvalidClientID,
			"The client_id is taken by another client of the project.")
	}
	c.seq = s.last + 1
	if bad := s.save(c, c.seq); bad != nil {
		return stytchwire.Client{}, bad
	}
	s.last = c.seq
	s.all = append(s.all, c)
	wire := c.snapshot()
	wire.ClientSecret = secret
	return wire, nil
}

// do runs f on a copy of the client, saves the copy and returns it. f must
// replace fields, and not modify what they refer to: if saving fails, the client
// stays as it was.
func (s *clientStore) do(id string, f func(*client) *apiError) (stytchwire.Client, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil {
		return stytchwire.Client{}, notFound()
	}
	changed := *c
	if err := f(&changed); err != nil {
		return stytchwire.Client{}, err
	}
	if err := s.save(&changed, s.last); err != nil {
		return stytchwire.Client{}, err
	}
	*c = changed
	return c.snapshot(), nil
}

func (s *clientStore) get(id string) (stytchwire.Client, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil {
		return stytchwire.Client{}, notFound()
	}
	return c.snapshot(), nil
}

func (s *clientStore) update(id string, req stytchwire.UpdateRequest) (stytchwire.Client, *apiError) {
	return s.do(id, func(c *client) *apiError {
		names, bad := checkScopes(req.Scopes)
		if bad != nil {
			return bad
		}
		if bad := checkTexts(req.ClientName, req.ClientDescription); bad != nil {
			return bad
		}
		if st := req.Status; st != nil && *st != stytchwire.StatusActive && *st != stytchwire.StatusInactive {
			return badRequest(stytchwire.TypeInvalidStatus, `The status must be "active" or "inactive".`)
		}
		metadata := mergeMetadata(c.TrustedMetadata, req.TrustedMetadata)
		if bad := checkMetadata(metadata); bad != nil {
			return bad
		}
		c.TrustedMetadata = metadata
		if req.Scopes != nil {
			c.Scopes = names
		}
		for _, set := range []struct{ dst, src *string }{
			{&c.ClientName, req.ClientName},
			{&c.ClientDescription, req.ClientDescription},
			{&c.Status, req.Status},
		} {
			if set.src != nil {
				*set.dst = *set.src
			}
		}
		return nil
	})
}

func (s *clientStore) delete(id string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil {
		return notFound()
	}
	if err := s.forget(id); err != nil {
		return err
	}
	s.all = slices.DeleteFunc(s.all, func(o *client) bool { return o == c })
	return nil
}

// startRotation makes a next secret, which is valid beside the current one.
func (s *clientStore) startRotation(id string) (stytchwire.Client, *apiError) {
	secret := newSecret()
	wire, err := s.do(id, func(c *client) *apiError {
		if c.next.set {
			return badRequest(stytchwire.TypeAlreadyRotating, "A rotation of the client's secret is under way.")
		}
		tail := lastFour(secret)
		c.next, c.NextClientSecretLastFour = hashSecret(secret), &tail
		return nil
	})
	if err == nil {
		wire.NextClientSecret = secret
	}
	return wire, err
}

// endRotation makes the next secret the only one, or discards it.
func (s *clientStore) endRotation(id string, complete bool) (stytchwire.Client, *apiError) {
	return s.do(id, func(c *client) *apiError {
		if !c.next.set {
			return badRequest(stytchwire.TypeNotRotating, "No rotation of the client's secret is under way.")
		}
		if complete {
			c.secret, c.ClientSecretLastFour = c.next, *c.NextClientSecretLastFour
		}
		c.next, c.NextClientSecretLastFour = secretHash{}, nil
		return nil
	})
}

// authenticate returns the active client with that ID and secret. It does the
// same work for unknown clients and wrong secrets, so that its duration tells
// nothing.
func (s *clientStore) authenticate(id, secret string) (stytchwire.Client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	known := c != nil
	if !known {
		c = &client{}
	}
	current, next := c.secret.matches(secret), c.next.matches(secret)
	if !known || !(current || next) || c.Status != stytchwire.StatusActive {
		return stytchwire.Client{}, false
	}
	return c.snapshot(), true
}

// imported returns the IDs of imported clients.
func (s *clientStore) imported() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, c := range s.all {
		if c.imported {
			ids = append(ids, c.ClientID)
		}
	}
	return ids
}

// CreateClient registers a client without an HTTP call and returns its
// credentials. It panics if a scope is malformed.
func (a *Authority) CreateClient(name string, scopes ...string) (id, secret string) {
	c, err := a.clients.create(stytchwire.CreateRequest{ClientName: name, Scopes: scopes}, a.clientIDPrefix())
	if err != nil {
		panic("m2mtest: CreateClient: " + err.message)
	}
	return c.ClientID, c.ClientSecret
}

func (a *Authority) clientIDPrefix() string { return "m2m-client-" + a.environment() + "-" }

func lastFour(secret string) string { return secret[len(secret)-4:] }
