//go:build !go1.27 || !goexperiment.jsonv2

package jsonv2

import "github.com/go-json-experiment/json"

func marshal(v any) ([]byte, error)       { return json.Marshal(v) }
func unmarshal(doc []byte, dst any) error { return json.Unmarshal(doc, dst) }
