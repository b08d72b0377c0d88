package fuzz

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// measure returns the depth of a document, and the number of its members.
func measure(doc string) (depth, members int) {
	d := jsontext.NewDecoder(strings.NewReader(doc))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return depth, members
		}
		depth = max(depth, d.StackDepth())
		kind, n := d.StackIndex(d.StackDepth())
		if kind == '{' && n%2 == 1 && token.Kind() == '"' {
			members++
		}
	}
}

// write writes v in a different spelling.
func write(b *bytes.Buffer, v strictjson.Value) {
	if text, ok := v.Text(); ok {
		b.Write(must(json.Marshal(text)))
	} else if items, ok := v.Array(); ok {
		b.WriteByte('[')
		for i, item := range items {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, item)
		}
		b.WriteByte(']')
	} else if o, ok := v.Object(); ok {
		writeObject(b, o)
	} else {
		b.WriteString(v.JSON())
	}
}

func writeObject(b *bytes.Buffer, o strictjson.Object) {
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(must(json.Marshal(m.Name)))
		b.WriteByte(':')
		write(b, m.Value)
	}
	b.WriteByte('}')
}

// FuzzJSON checks that a document is accepted if and only if jsontext accepts it as an
// object (RFC 8259, RFC 7493) and it is within the limits. Another spelling of an
// accepted document has the same members.
func FuzzJSON(f *testing.F) {
	for _, doc := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":{"a":[{},[],"",0,-0,1.5e-3,true,false,null]}}`, `[]`, `null`, ``, `{`, `{}}`, `{}{}`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1,"b":1}}`, `{"A":1,"a":2}`, `{"":0}`, `{"":0,"":0}`,
		`{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\uD83D\u0061"}`, "{\"a\":\"\xff\"}", "{\"a\xc0\x80\":0}", "\ufeff{}",
		`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":-}`, `{"a":NaN}`, `{"a":1e400}`, `{"a":'b'}`, `{a:1}`,
		`{"a":1,}`, `{"a":[1,]}`, `{"a" 1}`, "{\"a\":\"\t\"}", "{\"a\":\"\x7f\"}", `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\/\b\f\n\r\t\"\\"}`,
		"{\"a\":1\v}", "{\"a\":1\u00a0}", `{"a":tru}`, `{"a":truee}`, `/**/{}`, `{"a":"b`, "{\"a\":\x00}", `{"aaaaaaaa\\":"aaaaaaaaaaaaaaaaaaa"}`,
		strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16), strings.Repeat(`{"a":[`, 9) + strings.Repeat("]}", 9),
	} {
		f.Add(doc, uint8(16), uint8(255))
		f.Add(doc, uint8(2), uint8(2))
	}
	f.Fuzz(func(t *testing.T, doc string, maxDepth, maxMembers uint8) {
		limits := strictjson.Limits{Depth: int(maxDepth), Members: int(maxMembers)}
		o, err := strictjson.Parse(doc, limits, nil)
		valid := jsontext.Value(doc).IsValid() && strings.HasPrefix(strings.TrimLeft(doc, " \t\r\n"), "{")
		depth, members := measure(doc)
		within := depth <= limits.Depth && members <= limits.Members
		if accepted := err == nil; accepted != (valid && within) {
			t.Fatalf("accepted = %t (%v), but valid = %t, %d deep, %d members: %q", accepted, err, valid, depth, members, doc)
		}
		if err != nil {
			if o != nil {
				t.Error("members beside an error")
			}
			if valid && !errors.Is(err, strictjson.ErrDepth) && !errors.Is(err, strictjson.ErrMembers) {
				t.Errorf("refused for %v, and only the limits are exceeded: %q", err, doc)
			}
			return
		}
		var anew, twice bytes.Buffer
		writeObject(&anew, o)
		again, err := strictjson.Parse(anew.String(), limits, nil)
		if err != nil {
			t.Fatalf("written anew as %q: %v", anew.String(), err)
		}
		if writeObject(&twice, again); twice.String() != anew.String() {
			t.Errorf("%q, written anew %q", anew.String(), twice.String())
		}
		ours, theirs := jsontext.Value(anew.String()), jsontext.Value(doc)
		canonicalize(t, &ours)
		canonicalize(t, &theirs)
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%s, jsontext has %s", ours, theirs)
		}
	})
}

// canonicalize returns v in one order and spelling, except for numbers.
func canonicalize(t *testing.T, v *jsontext.Value) {
	*v = v.Clone()
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		t.Fatal(err)
	}
}
