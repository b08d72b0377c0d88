package mcpmw

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// subjectOf returns the name or URI that a request names, and its operation. Both are ""
// for a response, and for a method that names nothing in particular. ok is false if the
// request gives the name twice, or in another letter case: readers of JSON differ in
// which one they take.
func subjectOf(m message) (name, operation string, ok bool) {
	if !named[m.method] {
		return "", "", true
	}
	kind, key := ofTool, "name"
	switch m.method {
	case "prompts/get":
		kind = ofPrompt
	case "resources/read":
		kind, key = ofResource, "uri"
	}
	value, _, ok := member(m.params, key)
	text, is := textOf(value)
	if !is || !ok {
		return "", "", ok // without a name, the SDK refuses it
	}
	return string(text), operationOf(kind, string(text)), true
}

// compareHeaders returns what is wrong with the headers Mcp-Method and Mcp-Name, or "".
// The SDK compares them from protocol version 2026-07-28 on, and only the first value of
// each. A proxy may read them in any version, and the last value.
func compareHeaders(h http.Header, m message, name string) string {
	methods, names := h.Values("Mcp-Method"), h.Values("Mcp-Name")
	switch {
	case len(methods) > 1 || len(names) > 1:
		return "there are several values of the header Mcp-Method or Mcp-Name"
	case len(methods) == 1 && (m.method == "" || methods[0] != m.method):
		return "the header Mcp-Method differs from the method in the body"
	case len(names) == 1 && named[m.method] && names[0] != name && decodeHeader(names[0]) != name:
		return "the header Mcp-Name differs from the name in the body"
	}
	return ""
}

// decodeHeader returns a header value that may be encoded as MCP defines it for text
// that is not printable ASCII.
func decodeHeader(value string) string {
	encoded, begins := strings.CutPrefix(value, "=?base64?")
	encoded, ends := strings.CutSuffix(encoded, "?=")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if !begins || !ends || err != nil {
		return value
	}
	return string(text)
}
