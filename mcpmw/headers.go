package mcpmw

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// subjectOf returns the name or URI that a request names, and its operation. Both are ""
// for a response, and for a method that names nothing in particular. ok is false if the
// request gives the name twice, or in another letter case: readers of JSON differ in
// which one they take.
func subjectOf(request *jsonrpc.Request) (name, operation string, ok bool) {
	if request == nil || !named[request.Method] {
		return "", "", true
	}
	kind, member := ofTool, "name"
	switch request.Method {
	case "prompts/get":
		kind = ofPrompt
	case "resources/read":
		kind, member = ofResource, "uri"
	}
	name, is, ok := textMember(request.Params, member)
	if !is || !ok {
		return "", "", ok // without a name, the SDK refuses it
	}
	return name, operationOf(kind, name), true
}

// textMember returns the text of a member of a JSON object. is reports whether there is
// such a text. ok is false if several members have the name, or one has it in another
// letter case.
func textMember(object json.RawMessage, name string) (text string, is, ok bool) {
	members := json.NewDecoder(bytes.NewReader(object))
	if start, err := members.Token(); err != nil || start != json.Delim('{') {
		return "", false, true
	}
	found := false
	for members.More() {
		key, err := members.Token()
		if err != nil {
			return "", false, true
		}
		var value json.RawMessage
		if members.Decode(&value) != nil {
			return "", false, true
		}
		spelt, _ := key.(string)
		if !strings.EqualFold(spelt, name) {
			continue
		}
		if found || spelt != name {
			return "", false, false
		}
		found, is = true, json.Unmarshal(value, &text) == nil
	}
	return text, is, true
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
