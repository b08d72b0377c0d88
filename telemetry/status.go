package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// StatusConfig configures Status.
type StatusConfig struct {
	// Verifier supplies the issuers, their keys and the decisions. Required.
	Verifier *verifier.Verifier

	// Service is the name in the title: that of the program if empty.
	Service string

	// Recent adds the last refusals and the last hour. Its Observe must be among
	// the Verifier's Config.Observe. Without it the page has totals alone.
	Recent *Recent

	// Revocations is the list in the Verifier's Config.Revocations, if there is
	// one.
	Revocations *revocation.List

	// Operations lists the operations of each guard: httpmw.Mux.Operations,
	// grpcmw.Interceptor.Operations, gorilla.Guard.Operations. They are read once,
	// by Status: call it after every route is registered.
	Operations []iter.Seq2[string, scopes.Requirement]

	// Hosts names the hosts under which others than this machine may read the
	// page, without a port. The page has no authentication: put a guard before
	// it. Without Hosts, the page answers this machine alone.
	Hosts []string
}

// Status returns a handler that serves a page about a Verifier at any path: is it
// well, what is refused and why, which keys are in use, what is the policy. With
// "Accept: application/json" it is a Report. Status reports every mistake in c at
// once. The handler is safe for concurrent use, reads memory alone, and needs no
// Close.
//
// The page answers clients on this machine alone, by a local name: a loopback
// address and a Host of localhost, 127.0.0.0/8 or [::1], so that no web page in a
// browser on this machine can read it by DNS rebinding. A request with a header of
// a proxy (Forwarded, X-Forwarded-For and the like) is not local. Any other request
// gets 421, unless Hosts names its Host. It answers GET and HEAD.
//
// The page runs no script, loads nothing, and can't be framed. Text from callers
// and authorities is text: quoted, cut, and never a link.
func Status(c StatusConfig) (http.Handler, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("telemetry: StatusConfig: "+format, args...))
	}
	if c.Verifier.Status() == nil {
		mistake("Verifier is nil, or does not come from verifier.New")
	}
	if c.Service == "" {
		c.Service = filepath.Base(os.Args[0])
	}
	s := &status{
		verifier:    c.Verifier,
		service:     plain(c.Service, maxID),
		recent:      c.Recent,
		revocations: c.Revocations,
		since:       time.Now(),
		hosts:       make(map[string]bool),
	}
	for i, host := range c.Hosts {
		name, ok := hostName(host)
		if !ok {
			mistake("Hosts[%d] is %s: want a host name or an address, without scheme, port and path", i, strconv.QuoteToASCII(host))
			continue
		}
		s.hosts[name] = true
	}
	for i, list := range c.Operations {
		if list == nil {
			mistake("Operations[%d] is nil: want what Operations of a guard returns", i)
			continue
		}
		s.addOperations(list)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.finishOperations()
	return s, nil
}

// status is the handler of Status.
type status struct {
	verifier    *verifier.Verifier
	service     string
	recent      *Recent
	revocations *revocation.List
	operations  []Operation
	digest      string
	since       time.Time
	hosts       map[string]bool
}

// ServeHTTP serves the page.
func (s *status) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case !s.permits(r):
		answer(w, r, http.StatusMisdirectedRequest, "text/plain; charset=utf-8", []byte(misdirected))
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		answer(w, r, http.StatusMethodNotAllowed, "text/plain; charset=utf-8", []byte("This page answers GET and HEAD.\n"))
		return
	}
	report := s.report(time.Now())
	var body bytes.Buffer
	var err error
	kind := "text/html; charset=utf-8"
	if prefersJSON(r.Header.Values("Accept")) {
		kind = "application/json"
		err = json.NewEncoder(&body).Encode(report)
	} else {
		err = page.Execute(&body, newView(report, r.URL.Query()))
	}
	if err != nil {
		answer(w, r, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("The page can't be shown.\n"))
		return
	}
	answer(w, r, http.StatusOK, kind, body.Bytes())
}

func answer(w http.ResponseWriter, r *http.Request, code int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // fails only if the client is gone
	}
}

// prefersJSON reports whether Accept names application/json with a higher quality
// than text/html (RFC 9110 §12.5.1). With no preference, people come first.
func prefersJSON(accept []string) bool {
	asJSON, asHTML := 0.0, 0.0
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, parameters, _ := strings.Cut(item, ";")
		quality := 1.0
		for p := range strings.SplitSeq(parameters, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(name, "q") {
				quality, _ = strconv.ParseFloat(strings.TrimSpace(value), 64) // malformed: 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/json":
			asJSON = max(asJSON, quality)
		case "text/html":
			asHTML = max(asHTML, quality)
		}
	}
	return asJSON > asHTML
}
