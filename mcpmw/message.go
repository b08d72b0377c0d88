package mcpmw

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// message holds what the early look reads of a JSON-RPC message. The SDK's decoder is not
// used for requests: it allocates 64 KiB for each.
type message struct {
	method string // "" for a response
	params []byte // JSON, or nil
}

// readMessage reads a message. is reports that body is one message, and no batch: the SDK
// would ignore what follows the first value. ok is false if it has its method or its
// params several times, or in another letter case.
func readMessage(body []byte) (m message, is, ok bool) {
	if !json.Valid(body) || !bytes.HasPrefix(trimSpace(body), []byte("{")) {
		return m, false, true
	}
	method, _, once := member(body, "method")
	params, _, onceToo := member(body, "params")
	text, is := textOf(method)
	if !is {
		_, err := jsonrpc.DecodeMessage(body) // a response, if it is any
		is = err == nil
	}
	m.method, m.params = string(text), params
	return m, is, once && onceToo
}

// member returns the value of a member of a JSON object, which must be valid. is is false
// if there is none, or object is another value. ok is false if several members have the
// name, or one has it in another letter case.
func member(object []byte, name string) (value []byte, is, ok bool) {
	for spelt, v := range members(object) {
		switch text, _ := textOf(spelt); {
		case !strings.EqualFold(string(text), name):
		case is || string(text) != name:
			return nil, false, false
		default:
			value, is = v, true
		}
	}
	return value, is, true
}

// textOf returns the text of a JSON string, which must be valid. ok is false for another
// value.
func textOf(value []byte) (text []byte, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return nil, false
	}
	if plain := value[1 : len(value)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return plain, true
	}
	var decoded string
	err := json.Unmarshal(value, &decoded)
	return []byte(decoded), err == nil
}

// members yields the names and the values of a JSON object, which must be valid, as JSON.
// It yields nothing for another value.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest, is := bytes.CutPrefix(trimSpace(object), []byte("{"))
		for is {
			name, after := cutValue(trimSpace(rest))
			if len(name) == 0 {
				return // the end of an empty object
			}
			value, after := cutValue(trimSpace(trimSpace(after)[1:])) // after the colon
			if !yield(name, value) {
				return
			}
			rest, is = bytes.CutPrefix(trimSpace(after), []byte(","))
		}
	}
}

// cutValue returns the value at the beginning of valid JSON, and what follows it.
func cutValue(text []byte) (value, rest []byte) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth > 0 && (c == '}' || c == ']'):
			if depth--; depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case depth == 0 && strings.IndexByte(",:}] \t\r\n", c) >= 0:
			return text[:i], text[i:] // a number, or a word
		}
	}
	return text, nil
}

func trimSpace(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }
