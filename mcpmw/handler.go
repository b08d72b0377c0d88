package mcpmw

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Handler returns the HTTP half of the guard: mcp.NewStreamableHTTPHandler of getServer
// and opts, of which opts may be nil, with a verified client for every request. It also
// installs the other half, [Guard.Protect], in each server that getServer returns.
//
// A request without a valid token gets 401 and a challenge. A call of a tool, prompt or
// resource that the token's scopes do not permit gets 403 and a challenge with the scopes
// that are needed (RFC 6750 §3.1), so that a client can ask for a token that has them.
// This early answer only chooses the status. The decision is made again on the message
// that the SDK has parsed, and a refusal there is a JSON-RPC error whose code is the HTTP
// status.
//
// The client becomes the owner of the session that its request opens. Another client
// that presents the session's ID is refused with 403. A GET stream ends when its token
// becomes invalid, see verifier.Verifier.WhileValid.
//
// The Handler refuses JSON-RPC batches, and the headers Mcp-Method and Mcp-Name if they
// say anything else than the body, with 400: a proxy could have decided by them. If
// opts.EventStore is set, a stream can only be resumed by a client that meets the
// requirement of the call that opened it. Bodies are limited by opts.MaxRequestBodyBytes,
// and to 4 MiB if that is zero or negative.
//
// It panics if getServer is nil.
func (g *Guard) Handler(getServer func(*http.Request) *mcp.Server, opts *mcp.StreamableHTTPOptions) http.Handler {
	if getServer == nil {
		panic("mcpmw: Handler: getServer is nil")
	}
	g = g.orZero()
	var o mcp.StreamableHTTPOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxRequestBodyBytes <= 0 {
		o.MaxRequestBodyBytes = mcp.DefaultMaxRequestBodyBytes
	}
	if o.EventStore != nil {
		o.EventStore = newResumption(g, o.EventStore)
	}
	d := &door{guard: g, limit: o.MaxRequestBodyBytes, next: mcp.NewStreamableHTTPHandler(func(r *http.Request) *mcp.Server {
		server := getServer(r)
		g.Protect(server)
		return server
	}, &o)}
	return g.http.Require(scopes.Authenticated())(http.HandlerFunc(d.serve))
}

// door serves requests whose token is verified.
type door struct {
	guard *Guard
	limit int64
	next  http.Handler
}

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	switch r.Method {
	case http.MethodGet:
		lasting, stop := d.guard.verifier.WhileValid(ctx)
		defer stop()
		ctx = lasting
	case http.MethodPost:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, d.limit))
		if err != nil {
			if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
				http.Error(w, fmt.Sprintf("the body is longer than %d bytes", d.limit), http.StatusRequestEntityTooLarge)
			} else {
				http.Error(w, "the body can't be read", http.StatusBadRequest)
			}
			return
		}
		if !d.look(w, r, body) {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	d.next.ServeHTTP(w, r.WithContext(withPassport(ctx)))
}

// look examines the body of a POST. It reports whether the SDK may have it; otherwise it
// has answered.
func (d *door) look(w http.ResponseWriter, r *http.Request, body []byte) bool {
	message, is, clear := readMessage(body)
	switch {
	case !clear:
		reject(w, body, jsonrpc.CodeInvalidRequest, "the message has its method or its params twice, or in another letter case")
		return false
	case !is:
		reject(w, nil, jsonrpc.CodeInvalidRequest, "the body must be one JSON-RPC message, and no batch")
		return false
	}
	name, operation, clear := subjectOf(message)
	if !clear {
		reject(w, body, jsonrpc.CodeInvalidParams, "the params name what they ask for twice, or in another letter case")
		return false
	}
	if problem := compareHeaders(r.Header, message, name); problem != "" {
		reject(w, body, mcp.CodeHeaderMismatch, problem)
		return false
	}
	if operation == "" {
		return true
	}
	client, _ := verifier.ClientFromContext(r.Context())
	need := d.guard.policy.need(operation)
	if need.MetBy(client.Scopes) {
		return true // it is decided on the parsed message
	}
	if err := d.guard.verifier.Reauthorize(r.Context(), operation, need); err != nil {
		d.guard.refuse(w, r, verifier.AsError(err))
		return false
	}
	return true
}

// refuse answers a request that the early look has refused.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, refused *verifier.Error) {
	if g.opts.HTTP.ErrorHandler != nil {
		g.opts.HTTP.ErrorHandler(w, r, refused)
		return
	}
	g.http.WriteError(w, r, refused)
}

// reject answers a message with 400 and a JSON-RPC error.
func reject(w http.ResponseWriter, message []byte, code int64, problem string) {
	response := &jsonrpc.Response{Error: &jsonrpc.Error{Code: code, Message: problem}}
	if decoded, err := jsonrpc.DecodeMessage(message); err == nil {
		if request, ok := decoded.(*jsonrpc.Request); ok {
			response.ID = request.ID
		}
	}
	body, err := jsonrpc.EncodeMessage(response)
	if err != nil {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
