package mcpmw

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// subjectOf returns the name or URI that a request names, and its operation. Both are ""
// for a response, and for a method that names nothing in particular.
func subjectOf(request *jsonrpc.Request) (name, operation string) {
	if request == nil || !named[request.Method] {
		return "", ""
	}
	var params struct {
		Name string `json:"name"`
		URI  string `json:"uri"`
	}
	if json.Unmarshal(request.Params, &params) != nil {
		return "", "" // the SDK refuses it
	}
	switch request.Method {
	case "tools/call":
		return params.Name, operationOf(ofTool, params.Name)
	case "prompts/get":
		return params.Name, operationOf(ofPrompt, params.Name)
	default:
		return params.URI, operationOf(ofResource, params.URI)
	}
}

// compareHeaders returns what is wrong with the headers Mcp-Method and Mcp-Name, or "".
// The SDK compares them from protocol version 2026-07-28 on, and only the first value of
// each. A proxy may read them in any version, and the last value.
func compareHeaders(h http.Header, request *jsonrpc.Request, name string) string {
	methods, names := h.Values("Mcp-Method"), h.Values("Mcp-Name")
	switch {
	case len(methods) > 1 || len(names) > 1:
		return "there are several values of the header Mcp-Method or Mcp-Name"
	case len(methods) == 1 && (request == nil || methods[0] != request.Method):
		return "the header Mcp-Method differs from the method in the body"
	case len(names) == 1 && request != nil && named[request.Method] && names[0] != name && decodeHeader(names[0]) != name:
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
