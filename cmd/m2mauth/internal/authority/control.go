package authority

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/m2mtest"
)

// control serves the calls by which tests in any language change the authority while
// it runs. Each needs the project's credentials.
type control struct {
	mu        sync.Mutex // one call at a time
	authority *m2mtest.Authority
	clock     *clock
	seeds     []seed
	life      time.Duration
	names     []string     // of the Host
	stranger  *m2mtest.Key // signs tokens that nobody may accept; nil until needed
}

// maxControlBody bounds what a call may send.
const maxControlBody = 64 << 10

// call does what a POST with the body asks for, and adds to the response.
type call func(c *control, body []byte, response map[string]any) error

var calls = map[string]call{
	"/keys/rotate":  (*control).rotateKeys,
	"/keys/publish": (*control).publishKey,
	"/keys/sign":    (*control).signWith,
	"/keys/remove":  (*control).removeKey,
	"/revoke":       (*control).revoke,
	"/outage/start": (*control).startOutage,
	"/outage/end":   (*control).endOutage,
	"/clock":        (*control).setClock,
	"/token":        (*control).mint,
	"/reset":        (*control).reset,
}

// ServeHTTP serves GET /state and the calls. Every response has the state.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !outbound.IsNamed(r.Host, c.names) { // DNS rebinding
		fail(w, http.StatusMisdirectedRequest, "the control answers to names of loopback and to -hosts only")
		return
	}
	project, secret, ok := r.BasicAuth()
	if right := equal(project, c.authority.ProjectID()) && equal(secret, c.authority.Secret()); !ok || !right {
		w.Header().Set("WWW-Authenticate", `Basic realm="m2mauth authority"`)
		fail(w, http.StatusUnauthorized, "present the project's ID and secret by HTTP Basic")
		return
	}
	run, known := calls[r.URL.Path]
	want := http.MethodPost
	if r.URL.Path == "/state" {
		run, known, want = func(*control, []byte, map[string]any) error { return nil }, true, http.MethodGet
	}
	switch {
	case !known:
		fail(w, http.StatusNotFound, "there is no such call: docs/authority.md lists them")
		return
	case r.Method != want:
		w.Header().Set("Allow", want)
		fail(w, http.StatusMethodNotAllowed, "this call is a "+want)
		return
	}
	body, err := readControl(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	response := map[string]any{}
	if err := run(c, body, response); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	c.addState(response)
	write(w, http.StatusOK, response)
}

// readControl returns the JSON object of a POST: "{}" if there is none. A web page
// can't send this media type to another origin without asking first.
func readControl(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	if err != nil {
		return nil, errors.New("the body is larger than 64 KiB, or broke off")
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method == http.MethodPost && mediaType != "application/json" {
		return nil, errors.New("the Content-Type must be application/json")
	}
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	var members map[string]json.RawMessage
	if jsonv2.Unmarshal(body, &members) != nil || members == nil {
		return nil, errors.New("the body must be a JSON object without duplicate names")
	}
	return body, nil
}

// addState adds what a test may want to know.
func (c *control) addState(response map[string]any) {
	kids := c.authority.Keys()
	slices.Reverse(kids)
	response["keys"] = kids // the newest first
	response["signs"] = c.authority.Key().ID
	response["key_fetches"] = c.authority.KeyFetches()
	response["clock"] = c.clock.now().UTC().Format(time.RFC3339)
	response["shift"] = c.clock.shift().String()
}

func fail(w http.ResponseWriter, status int, text string) {
	write(w, status, map[string]any{"error": text})
}

func write(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // an error means that the connection broke
}

// equal compares in constant time, the lengths included.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
