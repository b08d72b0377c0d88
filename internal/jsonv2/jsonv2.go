// Package jsonv2 reads and writes JSON by the rules of encoding/json/v2:
// duplicate names and invalid UTF-8 are errors, and names match in their exact
// case. It uses the standard library from Go 1.27 on. Before that, and under
// GOEXPERIMENT=nojsonv2, it uses github.com/go-json-experiment/json.
package jsonv2

// Marshal returns v as JSON.
func Marshal(v any) ([]byte, error) { return marshal(v) }

// Unmarshal decodes doc, which must be one JSON value, into *dst.
func Unmarshal(doc []byte, dst any) error { return unmarshal(doc, dst) }

// UnmarshalExact decodes as encoding/json's Unmarshal does, but matches names in
// their exact case. Duplicate names and invalid UTF-8 are no errors: use it for
// documents that were checked before.
func UnmarshalExact(doc []byte, dst any) error { return unmarshalExact(doc, dst) }
