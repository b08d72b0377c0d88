// Package jsonv2 reads and writes JSON by the rules of encoding/json/v2:
// duplicate names and invalid UTF-8 are errors, and names match in their exact
// case. It is the only package that chooses the implementation. That is the
// standard library from Go 1.27 on, and github.com/go-json-experiment/json
// before, or under GOEXPERIMENT=nojsonv2.
package jsonv2

// Marshal returns v as JSON.
func Marshal(v any) ([]byte, error) { return marshal(v) }

// Unmarshal decodes doc, which must be one JSON value, into the value that dst
// points to.
func Unmarshal(doc []byte, dst any) error { return unmarshal(doc, dst) }

// UnmarshalExact decodes as encoding/json's Unmarshal does, but names match in
// their exact case. It is for documents that were checked before: duplicate
// names and invalid UTF-8 are no errors here.
func UnmarshalExact(doc []byte, dst any) error { return unmarshalExact(doc, dst) }
