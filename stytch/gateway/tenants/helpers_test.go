package tenants_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// world is a project that several replicas of a SaaS use. It works in virtual time.
type world struct {
	t         *testing.T
	authority *m2mtest.Authority
	wire      *stytchtest.Transport
	api       *stytch.Client // never meets a fault
	store     *faultyStore

	mu     sync.Mutex
	fault  fault
	events []tenants.Event
}

// fault decides about a request to Stytch: it may call serve, and it may panic instead
// of returning, which drops the connection.
type fault func(w http.ResponseWriter, r *http.Request, serve http.Handler)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, authority: stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})}
	w.store = &faultyStore{Store: new(tenants.MemoryStore)}
	w.api = w.client(&stytchtest.Transport{Handler: w.authority})
	w.wire = &stytchtest.Transport{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		meet := w.fault
		w.mu.Unlock()
		if meet == nil {
			w.authority.ServeHTTP(rw, r)
			return
		}
		meet(rw, r, w.authority)
	})}
	return w
}

func (w *world) client(transport http.RoundTripper) *stytch.Client {
	w.t.Helper()
	c, err := stytch.New(w.authority.ProjectID(), stytch.NewSecret(w.authority.Secret()),
		&stytch.Options{BaseURL: "http://localhost", Transport: transport, Retries: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

var scopes = []string{"read:reports", "write:reports", "admin:*"}

// replica returns a Tenants of its own, on the shared Store.
func (w *world) replica(changes ...func(*tenants.Config)) *tenants.Tenants {
	w.t.Helper()
	c := tenants.Config{API: w.client(w.wire), Store: w.store, Scopes: scopes, Observe: w.observe}
	for _, change := range changes {
		change(&c)
	}
	r, err := tenants.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) observe(_ context.Context, e tenants.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// lastEvent returns the last Event that Observe received.
func (w *world) lastEvent() tenants.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[len(w.events)-1]
}

// fail sets the fault that the next requests meet; nil for none.
func (w *world) fail(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

func (w *world) as(tenant string) *tenants.Clients {
	return w.replica().For(tenants.Caller{Tenant: tenant, Actor: "user-1"})
}

// registered registers a client that a test needs.
func registered(t *testing.T, c *tenants.Clients, key string) (tenants.Client, stytch.Secret) {
	t.Helper()
	client, secret, err := c.Register(t.Context(), registration(key))
	if err != nil {
		t.Fatalf("Register(%s) = %v (%v)", key, err, cause(err))
	}
	return client, secret
}

func registration(key string) tenants.Registration {
	return tenants.Registration{Key: key, Name: "worker " + key, Scopes: []string{"read:reports"}}
}

// cause returns the error inside an *Error.
func cause(err error) error {
	if e, ok := err.(*tenants.Error); ok {
		return e.Unwrap()
	}
	return err
}

// machines returns every client that Stytch has.
func (w *world) machines() (all []stytch.M2MClient) {
	w.t.Helper()
	for m, err := range w.api.SearchClients(context.Background(), stytch.SearchParams{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// token returns the status of a token request.
func (w *world) token(id string, secret stytch.Secret) int {
	body, _ := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": id, "client_secret": secret.Reveal(),
	})
	r := httptest.NewRequest("POST", "http://localhost/v1/public/"+w.authority.ProjectID()+"/oauth2/token", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.authority.ServeHTTP(rec, r)
	return rec.Code
}

// at returns a fault that f makes at requests whose method and path match, the path by
// its end. Others are served.
func at(method, end string, f fault) fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		if r.Method == method && strings.HasSuffix(r.URL.Path, end) {
			f(w, r, serve)
			return
		}
		serve.ServeHTTP(w, r)
	}
}

// The ways in which Stytch fails.
func refused(status int) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error_type":"too_bad","error_message":"words of Stytch"}`)
	}
}

func lost(_ http.ResponseWriter, r *http.Request, serve http.Handler) { // done, without response
	serve.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func dropped(http.ResponseWriter, *http.Request, http.Handler) { // not done
	panic(http.ErrAbortHandler)
}

func garbled(w http.ResponseWriter, r *http.Request, serve http.Handler) { // done, with a cut response
	rec := httptest.NewRecorder()
	serve.ServeHTTP(rec, r)
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
}

// faultyStore is a Store whose Updates can fail.
type faultyStore struct {
	tenants.Store
	mu   sync.Mutex
	left int // Updates until all fail; 0 for never
}

func (s *faultyStore) failAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = n + 1
}

func (s *faultyStore) restore() { s.failAfter(-1) }

var errStore = fmt.Errorf("disk full at /var/lib")

func (s *faultyStore) Update(ctx context.Context, tenant string, change func([]byte) ([]byte, error)) error {
	s.mu.Lock()
	failing := s.left == 1
	if s.left > 1 {
		s.left--
	}
	s.mu.Unlock()
	if failing {
		return errStore
	}
	return s.Store.Update(ctx, tenant, change)
}

func ids(clients []tenants.Client) (all []string) {
	for _, c := range clients {
		all = append(all, c.ID)
	}
	return all
}

func list(t *testing.T, c *tenants.Clients) []tenants.Client {
	t.Helper()
	clients, err := c.List(t.Context())
	if err != nil {
		t.Fatalf("List = %v (%v)", err, cause(err))
	}
	return clients
}

func mustList(t *testing.T, c *tenants.Clients, want ...string) {
	t.Helper()
	if got := ids(list(t, c)); !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
}

// wait advances virtual time.
func wait(d time.Duration) { <-time.After(d) }
