package strictjson

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

var limits = Limits{Depth: 4, Members: 64}

func TestRefused(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	flat := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":0`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for _, tt := range []struct {
		name, doc string
		want      error
	}{
		{"empty", ``, ErrNotObject},
		{"array", `[]`, ErrNotObject},
		{"string", `"{}"`, ErrNotObject},
		{"null", `null`, ErrNotObject},
		{"byte order mark", "\ufeff{}", ErrNotObject},
		{"UTF-16", "\xff\xfe{\x00}\x00", ErrUTF8},

		{"trailing bytes", `{}x`, ErrSyntax},
		{"two documents", `{}{}`, ErrSyntax},
		{"trailing NUL", "{}\x00", ErrSyntax},
		{"open", `{`, ErrSyntax},
		{"open string", `{"a`, ErrSyntax},
		{"open escape", `{"a\`, ErrSyntax},
		{"no value", `{"a"}`, ErrSyntax},
		{"no colon", `{"a" 1}`, ErrSyntax},
		{"no comma", `{"a":1 "b":2}`, ErrSyntax},
		{"no comma in array", `{"a":[1 2]}`, ErrSyntax},
		{"trailing comma", `{"a":1,}`, ErrSyntax},
		{"trailing comma in array", `{"a":[1,]}`, ErrSyntax},
		{"open array", `{"a":[1`, ErrSyntax},
		{"cut behind a name", `{"a"`, ErrSyntax},
		{"cut behind a colon", `{"a":`, ErrSyntax},
		{"cut behind a value", `{"a":1`, ErrSyntax},
		{"cut behind an object", `{"a":{"b":1}`, ErrSyntax},
		{"array closed as an object", `{"a":[1}`, ErrSyntax},
		{"object closed as an array", `{"a":{"b":1]`, ErrSyntax},
		{"name without quotes", `{a:1}`, ErrSyntax},
		{"name without its first quote", `{a":1}`, ErrSyntax},
		{"no name", `{:1}`, ErrSyntax},
		{"string of one quote", `{"a":"}`, ErrSyntax},
		{"string closed by a line break", "{\"a\":\"x\n}", ErrSyntax},
		{"single quotes", `{'a':1}`, ErrSyntax},
		{"comment", `{/**/}`, ErrSyntax},
		{"NaN", `{"a":NaN}`, ErrSyntax},
		{"true, cut", `{"a":tru}`, ErrSyntax},
		{"true, cut by the end", `{"a":t`, ErrSyntax},
		{"true, misspelt", `{"a":tru3}`, ErrSyntax},
		{"false, misspelt", `{"a":falsy}`, ErrSyntax},
		{"null, misspelt", `{"a":nuLl}`, ErrSyntax},
		{"True", `{"a":True}`, ErrSyntax},
		{"leading zero", `{"a":01}`, ErrSyntax},
		{"plus sign", `{"a":+1}`, ErrSyntax},
		{"hexadecimal", `{"a":0x1}`, ErrSyntax},
		{"point without digits", `{"a":1.}`, ErrSyntax},
		{"point first", `{"a":.1}`, ErrSyntax},
		{"exponent without digits", `{"a":1e+}`, ErrSyntax},
		{"exponent with two signs", `{"a":1e+-1}`, ErrSyntax},
		{"exponent twice", `{"a":1eE1}`, ErrSyntax},
		{"minus alone", `{"a":-}`, ErrSyntax},
		{"control character", "{\"a\":\"\n\"}", ErrSyntax},
		{"unknown escape", `{"a":"\x"}`, ErrSyntax},
		{"short \\u", `{"a":"\u12"}`, ErrSyntax},
		{"\\u, cut behind three digits", `{"a":"\u123`, ErrSyntax},
		{"\\u, cut behind none", `{"a":"\u`, ErrSyntax},
		{"\\u with a sign", `{"a":"\u+123"}`, ErrSyntax},
		{"vertical tab as space", "{\v}", ErrSyntax},

		{"invalid UTF-8", "{\"a\":\"\xff\"}", ErrUTF8},
		{"overlong UTF-8", "{\"a\":\"\xc0\x80\"}", ErrUTF8},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", ErrUTF8},
		{"lone high surrogate", `{"a":"\ud800"}`, ErrSurrogate},
		{"lone low surrogate", `{"a":"\udc00"}`, ErrSurrogate},
		{"high surrogate twice", `{"a":"\ud800\ud800"}`, ErrSurrogate},
		{"high surrogate, and another escape", `{"a":"\ud83d\nde00"}`, ErrSurrogate},
		{"high surrogate, and no escape", `{"a":"\ud83d/ude00"}`, ErrSurrogate},
		{"cut behind a high surrogate", `{"a":"\ud83d`, ErrSurrogate},
		{"cut in the low surrogate", `{"a":"\ud83d\`, ErrSurrogate},
		{"surrogate in a name", `{"\ud800":1}`, ErrSurrogate},

		{"duplicate", `{"a":1,"a":1}`, ErrDuplicate},
		{"duplicate, escaped", `{"alg":1,"\u0061lg":1}`, ErrDuplicate},
		{"duplicate, escaped slash", `{"a/b":1,"a\/b":1}`, ErrDuplicate},
		{"duplicate, both escaped", `{"\u0061":1,"\u0061":1}`, ErrDuplicate},
		{"duplicate, the first escaped", `{"x":0,"\u0061":1,"b":0,"a":1}`, ErrDuplicate},
		{"duplicate of a plain one before an escaped", `{"a":1,"\u0062":0,"a":1}`, ErrDuplicate},
		{"duplicate, nested", `{"a":{"b":1,"b":1}}`, ErrDuplicate},
		{"duplicate in an array", `{"a":[{"b":1,"b":1}]}`, ErrDuplicate},
		{"duplicate after a nested object", `{"a":1,"b":{"a":1},"a":2}`, ErrDuplicate},
		{"duplicate of an empty name", `{"":1,"":2}`, ErrDuplicate},
		{"duplicate behind the names that fit into the array", flat(30)[:len(flat(30))-1] + `,"28":0}`, ErrDuplicate},
		{"and behind an object that was there", flat(26)[:len(flat(26))-1] + `,"o":{"x":0,"y":0},"p":0,"p":0}`, ErrDuplicate},
		{"duplicate in an object there", flat(26)[:len(flat(26))-1] + `,"o":{"x":0,"y":0,"x":0}}`, ErrDuplicate},
		{"duplicate of one there, among many", flat(50)[:len(flat(50))-1] + `,"28":0}`, ErrDuplicate},
		{"duplicate among many", flat(50)[:len(flat(50))-1] + `,"7":0}`, ErrDuplicate},
		{"duplicate of a late one among many", flat(50)[:len(flat(50))-1] + `,"45":0}`, ErrDuplicate},

		{"too deep", nested(5), ErrDepth},
		{"too deep in arrays", `{"a":[[[[]]]]}`, ErrDepth},
		{"very deep", strings.Repeat(`{"a":[`, 100_000), ErrDepth},
		{"too many members", flat(65), ErrMembers},
		{"too many members in all", `{"a":` + flat(40) + `,"b":` + flat(40) + `}`, ErrMembers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if obj, err := Parse(tt.doc, limits, nil); !errors.Is(err, tt.want) || obj != nil {
				t.Errorf("Parse = %v, %v; want %v", obj, err, tt.want)
			}
		})
	}
	for name, doc := range map[string]string{
		"deepest":                nested(4),
		"deepest in arrays":      `{"a":[[[]]]}`,
		"most members":           flat(64),
		"most members in all":    `{"a":` + flat(31) + `,"b":` + flat(31) + `}`,
		"an empty name":          `{"":1," ":2}`,
		"an empty string":        `{"a":""}`,
		"a pair of surrogates":   `{"a":"\ud83d\ude00"}`,
		"white space everywhere": strings.NewReplacer(" ", " \t\r\n").Replace(` { "a" : [ 1 , { } , [ ] ] , "b" : true } `),
		// A name is open only in its own object. "j" has the mark of "b".
		"a name again, behind its object":       `{"j":{"b":1},"b":2}`,
		"a name again, in an object beside":     `{"j":{"b":1},"k":{"b":1}}`,
		"a name again, in an object within":     `{"b":{"j":{"b":1}}}`,
		"among names that don't fit the array":  flat(26)[:len(flat(26))-1] + `,"o":{"x":0,"y":0},"x":0,"p":{"o":0,"3":0},"y":0}`,
		"among many, with an index of them all": `{"o":{"x":0,"\u0079":0},` + flat(40)[1:len(flat(40))-1] + `,"x":0,"y":0}`,
	} {
		if _, err := Parse(doc, limits, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDuplicateOfAnyMark checks names with every mark, since names are
// compared only if their marks are equal.
func TestDuplicateOfAnyMark(t *testing.T) {
	names := []string{""}
	for c := ' '; c < 0x7f; c++ {
		if c != '"' && c != '\\' {
			names = append(names, string(c), "a"+string(c), string(c)+"bc")
		}
	}
	marks := map[uint64]bool{}
	for _, name := range names {
		marks[markOf(name)] = true
		for _, doc := range []string{
			`{"` + name + `":1,"` + name + `":2}`,
			"{\"" + name + "\":\"\u00e9\",\"" + name + "\":2}", // a document that is not plain
		} {
			if _, err := Parse(doc, limits, nil); err != ErrDuplicate {
				t.Errorf("%s: %v, want %v", doc, err, ErrDuplicate)
			}
		}
	}
	if len(marks) != 64 {
		t.Errorf("the names have %d marks, want all 64", len(marks))
	}
}

// TestParseIsLinear parses thousands of members in one object. Comparing
// each with each would take half a minute.
func TestParseIsLinear(t *testing.T) {
	const n = 100_000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%06d":0`, i)
	}
	began := time.Now()
	if obj, err := Parse("{"+b.String()[1:]+"}", Limits{Depth: 1, Members: n}, nil); err != nil || len(obj) != n {
		t.Fatalf("%d members, %v", len(obj), err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d names took %v", n, took)
	}
}

// TestIsPlain checks each byte at each position of a word and after it, with
// and without neighbours that could hide it.
func TestIsPlain(t *testing.T) {
	for _, neighbour := range []byte{' ', 'a', '~', 0x7f, '!', ']'} {
		for at := range 11 {
			for c := range 256 {
				doc := []byte(strings.Repeat(string(rune(neighbour)), 11))
				doc[at] = byte(c)
				want := c >= ' ' && c < 0x80 && c != '\\'
				if got := isPlain(string(doc)); got != want {
					t.Fatalf("%q: %t, want %t", doc, got, want)
				}
			}
		}
	}
}

// TestMemoryIsProportional checks that the memory allocated is proportional
// to the document's size.
func TestMemoryIsProportional(t *testing.T) {
	for name, part := range map[string]string{
		"objects with an escaped name":      `{"\n":0}`,
		"objects with an escaped name each": `{"a":{"b":{"\u0063":0}}}`,
		"escaped names":                     `{"\n":0,"\t":0,"\r":0,"n":0}`,
		"names":                             `{"n":0,"t":0,"r":0}`,
		"escaped text":                      `"\n"`,
		"empty objects":                     `{}`,
	} {
		doc := `{"x":[` + strings.Repeat(part+",", 200) + `0]}`
		limits := Limits{Depth: 16, Members: 4096}
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := Parse(doc, limits, nil); err != nil {
				t.Fatal(name, err)
			}
		}
		runtime.ReadMemStats(&after)
		if n, most := int(after.TotalAlloc-before.TotalAlloc)/runs, 40*len(doc); n > most {
			t.Errorf("%s: %d bytes for a document of %d, want at most %d", name, n, len(doc), most)
		}
	}
}
