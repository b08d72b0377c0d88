package m2mtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// maxBody bounds what a request may send.
const maxBody = 64 << 10

// routes returns the handler of the whole API.
func (a *Authority) routes() http.Handler {
	const client = stytchwire.ClientsPath + "/{client_id}"
	mux := http.NewServeMux()
	handle := func(path string, e Endpoint, m methods) { mux.Handle(path, a.scripted(e, a.dispatch(m))) }

	create := methods{"POST": a.call(a.create)}
	handle(stytchwire.ClientsPath, ClientsEndpoint, create)
	handle(stytchwire.ClientsPath+"/{$}", ClientsEndpoint, create)
	handle(stytchwire.SearchPath, ClientsEndpoint, methods{"POST": a.call(a.search)})
	handle(client, ClientsEndpoint, methods{
		"GET": a.call(a.get), "PUT": a.call(a.update), "DELETE": a.call(a.delete),
	})
	handle(client+"/secrets/rotate/start", ClientsEndpoint, methods{"POST": a.call(a.startRotation)})
	handle(client+"/secrets/rotate/cancel", ClientsEndpoint, methods{"POST": a.call(a.cancelRotation)})
	handle(client+"/secrets/rotate", ClientsEndpoint, methods{"POST": a.call(a.completeRotation)})
	handle("/v1/public/{project_id}/oauth2/token", TokenEndpoint, methods{"POST": a.serveToken})
	keys := methods{"GET": a.serveKeys}
	handle("/v1/sessions/jwks/{project_id}", KeysEndpoint, keys)
	handle("/v1/b2b/sessions/jwks/{project_id}", KeysEndpoint, keys)
	handle(stytchwire.WellKnownKeysPath, KeysEndpoint, keys)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		a.writeError(w, &apiError{404, stytchwire.TypeRouteNotFound, "The route does not exist."})
	})
	return mux
}

// methods maps the methods of one path to handlers.
type methods map[string]http.HandlerFunc

func (a *Authority) dispatch(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == "HEAD" {
			method = "GET"
		}
		h, ok := m[method]
		if !ok {
			w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(m)), ", "))
			a.writeError(w, &apiError{405, stytchwire.TypeMethodNotAllowed, "The method is not allowed here."})
			return
		}
		h(w, r)
	})
}

// scripted answers for next while an outage lasts.
func (a *Authority) scripted(e Endpoint, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e == KeysEndpoint {
			a.keys.fetched()
		}
		// Read the whole body first: net/http detects a closed connection only then.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failingReader{err}))
		o, err := a.outages.meet(r.Context(), e)
		switch {
		case err != nil || o != nil && o.Drop:
			panic(http.ErrAbortHandler) // closes the connection
		case o == nil:
			next.ServeHTTP(w, r)
		default:
			o.write(w)
		}
	})
}

// failingReader returns err, or io.EOF if that is nil.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// answer is the body of a response.
type answer interface{ Status() int }

// call returns a handler that authenticates the project, reads the body and
// calls f.
func (a *Authority) call(f func(*http.Request, []byte, stytchwire.Response) (answer, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		project, secret, ok := r.BasicAuth()
		if right := equal(project, a.projectID) && equal(secret, a.secret); !ok || !right {
			w.Header().Set("WWW-Authenticate", `Basic realm="m2mtest"`)
			a.writeError(w, &apiError{401, stytchwire.TypeUnauthorizedCredentials,
				"Unauthorized credentials: present the project ID and its secret by HTTP Basic."})
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.writeError(w, bodyError(err))
			return
		}
		if len(body) > 0 && !isJSON(r.Header) {
			a.writeError(w, badRequest(stytchwire.TypeBadRequest, "The Content-Type must be application/json."))
			return
		}
		result, bad := f(r, body, stytchwire.Response{StatusCode: 200, RequestID: a.newRequestID()})
		if bad != nil {
			a.writeError(w, bad)
			return
		}
		writeJSON(w, result)
	}
}

func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

func bodyError(err error) *apiError {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &apiError{413, stytchwire.TypeBadRequest, "The request body is too large."}
	}
	return badRequest(stytchwire.TypeBadRequest, "The request body could not be read.")
}

func (a *Authority) writeError(w http.ResponseWriter, e *apiError) {
	writeJSON(w, stytchwire.Error{
		Response:     stytchwire.Response{StatusCode: e.status, RequestID: a.newRequestID()},
		ErrorType:    e.kind,
		ErrorMessage: e.message,
		ErrorURL:     stytchwire.ErrorURL(e.status, e.kind),
	})
}

func writeJSON(w http.ResponseWriter, body answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(body.Status())
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(body) // an error means that the connection broke
}

// unmarshal decodes a request body. Names match exactly; duplicate members and
// invalid UTF-8 are errors.
func unmarshal(doc []byte, dst any) error { return jsonv2.Unmarshal(doc, dst) }

func parse[T any](body []byte) (req T, bad *apiError) {
	if err := unmarshal(body, &req); err != nil {
		return req, badRequest(stytchwire.TypeBadRequest, "The request body is malformed.")
	}
	return req, nil
}

func (a *Authority) create(_ *http.Request, body []byte, head stytchwire.Response) (answer, *apiError) {
	req, bad := parse[stytchwire.CreateRequest](body)
	if bad != nil {
		return nil, bad
	}
	c, bad := a.clients.create(req, a.clientIDPrefix())
	head.StatusCode = http.StatusCreated
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}

func (a *Authority) search(_ *http.Request, body []byte, head stytchwire.Response) (answer, *apiError) {
	if bad := checkQuery(body); bad != nil {
		return nil, bad
	}
	req, bad := parse[stytchwire.SearchRequest](body)
	if bad != nil {
		return nil, bad
	}
	page, meta, bad := a.clients.search(req)
	return stytchwire.SearchResponse{Response: head, M2MClients: page, ResultsMetadata: meta}, bad
}

func (a *Authority) get(r *http.Request, _ []byte, head stytchwire.Response) (answer, *apiError) {
	c, bad := a.clients.get(r.PathValue("client_id"))
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}

func (a *Authority) update(r *http.Request, body []byte, head stytchwire.Response) (answer, *apiError) {
	req, bad := parse[stytchwire.UpdateRequest](body)
	if bad != nil {
		return nil, bad
	}
	c, bad := a.clients.update(r.PathValue("client_id"), req)
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}

func (a *Authority) delete(r *http.Request, _ []byte, head stytchwire.Response) (answer, *apiError) {
	id := r.PathValue("client_id")
	bad := a.clients.delete(id)
	return stytchwire.DeleteResponse{Response: head, ClientID: id}, bad
}

func (a *Authority) startRotation(r *http.Request, _ []byte, head stytchwire.Response) (answer, *apiError) {
	c, bad := a.clients.startRotation(r.PathValue("client_id"))
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}

func (a *Authority) cancelRotation(r *http.Request, _ []byte, head stytchwire.Response) (answer, *apiError) {
	c, bad := a.clients.endRotation(r.PathValue("client_id"), false)
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}

func (a *Authority) completeRotation(r *http.Request, _ []byte, head stytchwire.Response) (answer, *apiError) {
	c, bad := a.clients.endRotation(r.PathValue("client_id"), true)
	return stytchwire.ClientResponse{Response: head, M2MClient: c}, bad
}
