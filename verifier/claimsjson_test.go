package verifier_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestClaimsAsEncodingJSON compares Client.Claims with encoding/json: the
// same value, or an error where that returns one.
func TestClaimsAsEncodingJSON(t *testing.T) {
	type Inner struct {
		A int `json:"a"`
		B string
	}
	type E struct {
		Inner
		C int
	}
	type EP struct {
		*Inner
		C int
	}
	type rec struct {
		Next *rec `json:"next"`
		V    int
	}
	cases := []struct {
		name, doc string
		make      func() any
	}{
		{"number", `{"n":12345678901234567890.5}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number exp", `{"n":1e400}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number str", `{"n":"12"}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number badstr", `{"n":"x"}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number emptystr", `{"n":""}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number null", `{"n":null}`, func() any {
			return &struct {
				N json.Number `json:"n"`
			}{"7"}
		}},
		{"number bool", `{"n":true}`, func() any {
			return new(struct {
				N json.Number `json:"n"`
			})
		}},
		{"number ptr", `{"n":5}`, func() any {
			return new(struct {
				N *json.Number `json:"n"`
			})
		}},
		{"number slice", `{"n":[1,2.5]}`, func() any {
			return new(struct {
				N []json.Number `json:"n"`
			})
		}},
		{"number map", `{"n":{"a":1}}`, func() any {
			return new(struct {
				N map[string]json.Number `json:"n"`
			})
		}},
		{"number mapkey", `{"n":{"1":1}}`, func() any {
			return new(struct {
				N map[json.Number]int `json:"n"`
			})
		}},
		{"number string opt", `{"n":"5"}`, func() any {
			return new(struct {
				N json.Number `json:"n,string"`
			})
		}},
		{"number string opt raw", `{"n":5}`, func() any {
			return new(struct {
				N json.Number `json:"n,string"`
			})
		}},
		{"duration", `{"n":5}`, func() any {
			return new(struct {
				N time.Duration `json:"n"`
			})
		}},
		{"duration text", `{"n":"5s"}`, func() any {
			return new(struct {
				N time.Duration `json:"n"`
			})
		}},
		{"duration string", `{"n":"5"}`, func() any {
			return new(struct {
				N time.Duration `json:"n,string"`
			})
		}},
		{"time", `{"n":"2026-01-02T03:04:05Z"}`, func() any {
			return new(struct {
				N time.Time `json:"n"`
			})
		}},
		{"time loose", `{"n":"2026-01-02T3:04:05,5Z"}`, func() any {
			return new(struct {
				N time.Time `json:"n"`
			})
		}},
		{"time num", `{"n":5}`, func() any {
			return new(struct {
				N time.Time `json:"n"`
			})
		}},
		{"string int", `{"n":"5"}`, func() any {
			return new(struct {
				N int `json:"n,string"`
			})
		}},
		{"string int raw", `{"n":5}`, func() any {
			return new(struct {
				N int `json:"n,string"`
			})
		}},
		{"string bool", `{"n":"true"}`, func() any {
			return new(struct {
				N bool `json:"n,string"`
			})
		}},
		{"string bool raw", `{"n":true}`, func() any {
			return new(struct {
				N bool `json:"n,string"`
			})
		}},
		{"string string", `{"n":"\"x\""}`, func() any {
			return new(struct {
				N string `json:"n,string"`
			})
		}},
		{"string string raw", `{"n":"x"}`, func() any {
			return new(struct {
				N string `json:"n,string"`
			})
		}},
		{"string slice", `{"n":[5]}`, func() any {
			return new(struct {
				//lint:ignore SA5008 the row is about this tag
				N []int `json:"n,string"`
			})
		}},
		{"string null", `{"n":null}`, func() any {
			return &struct {
				N int `json:"n,string"`
			}{7}
		}},
		{"string ptr", `{"n":"5"}`, func() any {
			return &struct {
				N *int `json:"n,string"`
			}{}
		}},
		{"omitzero", `{"n":0,"m":[]}`, func() any {
			return new(struct {
				N int   `json:"n,omitzero"`
				M []int `json:"m,omitempty"`
			})
		}},
		{"embedded", `{"a":1,"B":"b","C":2}`, func() any { return new(E) }},
		{"embedded ptr", `{"a":1,"B":"b","C":2}`, func() any { return new(EP) }},
		{"embedded named", `{"i":{"a":1}}`, func() any {
			return new(struct {
				Inner `json:"i"`
			})
		}},
		{"untagged exact", `{"Role":"x"}`, func() any { return new(struct{ Role string }) }},
		{"inline tag", `{"n":{"a":1},"z":2}`, func() any {
			return new(struct {
				N Inner `json:"n,inline"`
			})
		}},
		{"unknown tag", `{"n":{"a":1},"z":2}`, func() any {
			return new(struct {
				N map[string]any `json:"n,unknown"`
			})
		}},
		{"embed tag", `{"n":{"a":1},"z":2}`, func() any {
			return new(struct {
				N map[string]any `json:"n,embed"`
			})
		}},
		{"format tag", `{"n":"5s"}`, func() any {
			return new(struct {
				N time.Duration `json:"n,format:units"`
			})
		}},
		{"weird opt", `{"n":5}`, func() any {
			return new(struct {
				//lint:ignore SA5008 the row is about this tag
				N int `json:"n,foo"`
			})
		}},
		{"quoted name", `{"a,b":5,"'x'":1}`, func() any {
			return new(struct {
				N int `json:"'a,b'"`
			})
		}},
		{"odd name", `{"a b":5}`, func() any {
			return new(struct {
				N int `json:"a b"`
			})
		}},
		{"url name", `{"https://x/y":5}`, func() any {
			return new(struct {
				N int `json:"https://x/y"`
			})
		}},
		{"dash", `{"-":5,"N":6}`, func() any {
			return new(struct {
				N int `json:"-"`
			})
		}},
		{"dash comma", `{"-":5}`, func() any {
			return new(struct {
				//lint:ignore SA5008 the row is about this tag
				N int `json:"-,"`
			})
		}},
		{"bad field type other", `{"a":1}`, func() any {
			return new(struct {
				A  int `json:"a"`
				F  func()
				Ch chan int
			})
		}},
		{"func field set", `{"F":1}`, func() any { return new(struct{ F func() }) }},
		{"func field null", `{"F":null}`, func() any { return new(struct{ F func() }) }},
		{"array short", `{"n":[1]}`, func() any {
			return &struct {
				N [2]int `json:"n"`
			}{[2]int{8, 9}}
		}},
		{"array long", `{"n":[1,2,3]}`, func() any {
			return new(struct {
				N [2]int `json:"n"`
			})
		}},
		{"bytes", `{"n":"aGk="}`, func() any {
			return new(struct {
				N []byte `json:"n"`
			})
		}},
		{"bytes nl", `{"n":"aG\nk="}`, func() any {
			return new(struct {
				N []byte `json:"n"`
			})
		}},
		{"bytes url", `{"n":"_-8="}`, func() any {
			return new(struct {
				N []byte `json:"n"`
			})
		}},
		{"bytes arr", `{"n":[1,2]}`, func() any {
			return new(struct {
				N []byte `json:"n"`
			})
		}},
		{"bytearray", `{"n":[1,2]}`, func() any {
			return new(struct {
				N [2]byte `json:"n"`
			})
		}},
		{"bytearray b64", `{"n":"aGk="}`, func() any {
			return new(struct {
				N [2]byte `json:"n"`
			})
		}},
		{"null int", `{"n":null}`, func() any {
			return &struct {
				N int `json:"n"`
			}{7}
		}},
		{"null struct", `{"n":null}`, func() any {
			return &struct {
				N Inner `json:"n"`
			}{Inner{A: 7}}
		}},
		{"null slice", `{"n":null}`, func() any {
			return &struct {
				N []int `json:"n"`
			}{[]int{1}}
		}},
		{"null map", `{"n":null}`, func() any {
			return &struct {
				N map[string]int `json:"n"`
			}{map[string]int{"a": 1}}
		}},
		{"merge map", `{"n":{"b":2}}`, func() any {
			return &struct {
				N map[string]int `json:"n"`
			}{map[string]int{"a": 1}}
		}},
		{"merge slice", `{"n":[{"a":1}]}`, func() any {
			return &struct {
				N []Inner `json:"n"`
			}{[]Inner{{B: "x"}}}
		}},
		{"merge map struct", `{"n":{"x":{"a":1}}}`, func() any {
			return &struct {
				N map[string]Inner `json:"n"`
			}{map[string]Inner{"x": {B: "x"}}}
		}},
		{"iface ptr", `{"n":{"a":1}}`, func() any {
			return &struct {
				N any `json:"n"`
			}{&Inner{B: "k"}}
		}},
		{"iface", `{"n":[1,{"a":null}]}`, func() any { return new(any) }},
		{"iface map", `{"n":[1,{"a":null}],"b":9007199254740993}`, func() any { return new(map[string]any) }},
		{"map int key", `{"n":{"1":2}}`, func() any {
			return new(struct {
				N map[int]int `json:"n"`
			})
		}},
		{"overflow", `{"n":300}`, func() any {
			return new(struct {
				N int8 `json:"n"`
			})
		}},
		{"neg uint", `{"n":-1}`, func() any {
			return new(struct {
				N uint `json:"n"`
			})
		}},
		{"float int", `{"n":1.0}`, func() any {
			return new(struct {
				N int `json:"n"`
			})
		}},
		{"exp int", `{"n":1e3}`, func() any {
			return new(struct {
				N int `json:"n"`
			})
		}},
		{"str int", `{"n":"1"}`, func() any {
			return new(struct {
				N int `json:"n"`
			})
		}},
		{"wrong then right", `{"n":"x","m":3}`, func() any {
			return new(struct {
				N int `json:"n"`
				M int `json:"m"`
			})
		}},
		{"raw", `{"n": [1, 2] }`, func() any {
			return new(struct {
				N json.RawMessage `json:"n"`
			})
		}},
		{"raw null", `{"n":null}`, func() any {
			return new(struct {
				N json.RawMessage `json:"n"`
			})
		}},
		{"raw ptr null", `{"n":null}`, func() any {
			return new(struct {
				N *json.RawMessage `json:"n"`
			})
		}},
		{"text", `{"n":"10.0.0.1"}`, func() any {
			return new(struct {
				N netip.Addr `json:"n"`
			})
		}},
		{"big", `{"n":123456789012345678901234567890}`, func() any {
			return new(struct {
				N big.Int `json:"n"`
			})
		}},
		{"rec", `{"next":{"next":{"V":1}}}`, func() any { return new(rec) }},
		{"surrogate", `{"n":"\ud83d\ude00"}`, func() any {
			return new(struct {
				N string `json:"n"`
			})
		}},
		{"iface nonempty", `{"n":"x"}`, func() any {
			return new(struct {
				N fmt.Stringer `json:"n"`
			})
		}},
	}
	a, v := local(t)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			var claims map[string]any
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(tt.doc), &members); err != nil {
				t.Fatal(err)
			}
			claims = make(map[string]any)
			for name, value := range members {
				claims[name] = value
			}
			client, err := v.Verify(t.Context(), a.Token(spec{Claims: claims}))
			if err != nil {
				t.Fatal(err)
			}
			got, want := tt.make(), tt.make()
			gotErr, wantErr := client.Claims(got), json.Unmarshal(payloadOf(t, client), want)
			if !reflect.DeepEqual(got, want) || (gotErr == nil) != (wantErr == nil) {
				t.Errorf("Claims(%s) = %+v, %v; encoding/json has %+v, %v", tt.doc,
					reflect.ValueOf(got).Elem(), gotErr, reflect.ValueOf(want).Elem(), wantErr)
			}
		})
	}
}

// payloadOf returns the payload of the client's token as it was signed.
func payloadOf(t *testing.T, c verifier.Client) (payload json.RawMessage) {
	t.Helper()
	if err := c.Claims(&payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

// TestClaimsMatchCase tests the one difference from encoding/json, also in
// embedded and nested structs.
func TestClaimsMatchCase(t *testing.T) {
	a, v := local(t)
	client, err := v.Verify(t.Context(), a.Token(spec{Claims: map[string]any{
		"Role": "admin", "nested": map[string]any{"ROLE": "admin"}, "role_name": "admin", "UPPER": "admin",
	}}))
	if err != nil {
		t.Fatal(err)
	}
	type Roles struct {
		Role string `json:"role"`
	}
	type claims struct {
		Roles
		Nested   Roles `json:"nested"`
		RoleName string
		Upper    string
	}
	var got, folded claims
	if err := client.Claims(&got); err != nil || got != (claims{}) {
		t.Errorf("Claims = %+v, %v; want none of these", got, err)
	}
	if err := json.Unmarshal(payloadOf(t, client), &folded); err != nil || folded.Role != "admin" || folded.Nested.Role != "admin" {
		t.Errorf("encoding/json = %+v, %v; want the case folded, or the difference is none", folded, err)
	}
	var large struct {
		N float64 `json:"n"`
	}
	client, err = v.Verify(t.Context(), a.Token(spec{Claims: map[string]any{"n": json.RawMessage("1e400")}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Claims(&large); err == nil {
		t.Errorf("Claims(1e400) = %v, want an error", large.N)
	}
}
