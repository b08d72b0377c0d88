//go:build !go1.27 || !goexperiment.jsonv2

package jsonv2

import (
	encodingjson "encoding/json"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

func marshal(v any) ([]byte, error)            { return json.Marshal(v) }
func unmarshal(doc []byte, dst any) error      { return json.Unmarshal(doc, dst) }
func unmarshalExact(doc []byte, dst any) error { return json.Unmarshal(doc, dst, exact) }

// exact holds the rules of encoding/json, except that the case of names matters.
// go-json-experiment does not know encoding/json's Number, and needs a function
// for it.
var exact = json.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	json.MatchCaseInsensitiveNames(false),
	json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, n *encodingjson.Number) error {
		return (*jsonv1.Number)(n).UnmarshalJSONFrom(dec)
	})),
)
