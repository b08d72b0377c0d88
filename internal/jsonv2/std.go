//go:build go1.27 && goexperiment.jsonv2

package jsonv2

import (
	jsonv1 "encoding/json"
	"encoding/json/v2"
)

func marshal(v any) ([]byte, error)            { return json.Marshal(v) }
func unmarshal(doc []byte, dst any) error      { return json.Unmarshal(doc, dst) }
func unmarshalExact(doc []byte, dst any) error { return json.Unmarshal(doc, dst, exact) }

// exact holds the rules of encoding/json, except that the case of names matters.
var exact = json.JoinOptions(jsonv1.DefaultOptionsV1(), json.MatchCaseInsensitiveNames(false))
