package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

var errReader = errors.New("not accepted")

var strictBase64 = base64.RawURLEncoding.Strict()

// standardBase64 decodes a segment with encoding/base64 and the checks that
// make it as strict as jose.DecodeBase64URL. Strict skips CR and LF: the length
// of the result, and of what 4 does not divide, shows that some were there.
func standardBase64(buf []byte, segment string) ([]byte, error) {
	n := len(segment)
	if n%4 == 1 {
		return nil, errReader
	}
	out, err := strictBase64.AppendDecode(buf, []byte(segment))
	if err != nil || len(out)-len(buf) != strictBase64.DecodedLen(n) {
		return nil, errReader
	}
	return out, nil
}

// jsontextReader reads with jsontext what strictjson.Parse reads, with the same
// limits. It is reused, as jsontext advises.
type jsontextReader struct {
	decoder *jsontext.Decoder
	buffer  bytes.Buffer // which a Decoder reads in place
}

var jsontextReaders = sync.Pool{New: func() any {
	r := new(jsontextReader)
	r.decoder = jsontext.NewDecoder(&r.buffer)
	return r
}}

// member is one of the outermost object: its name, and its value as text.
type member struct{ name, value string }

func (r *jsontextReader) parse(doc string, limits strictjson.Limits, out []member) ([]member, error) {
	r.buffer.Reset()
	r.buffer.WriteString(doc)
	d := r.decoder
	d.Reset(&r.buffer)
	if d.PeekKind() != '{' {
		return nil, errReader
	}
	members, began := 0, 0
	for first := true; first || d.StackDepth() > 0; first = false {
		token, err := d.ReadToken()
		if err != nil || d.StackDepth() > limits.Depth {
			return nil, errReader
		}
		depth := d.StackDepth()
		kind, length := d.StackIndex(depth)
		isName := kind == '{' && length%2 == 1 && token.Kind() == '"'
		if isName {
			if members++; members > limits.Members {
				return nil, errReader
			}
		}
		switch {
		case first || depth != 1:
		case isName:
			out = append(out, member{name: token.String()})
			began = int(d.InputOffset())
		default:
			value := doc[began:d.InputOffset()]
			out[len(out)-1].value = strings.TrimLeft(value, " \t\r\n:")
		}
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errReader
	}
	return out, nil
}

func parseWithJSONText(doc string, limits strictjson.Limits, out []member) ([]member, error) {
	r := jsontextReaders.Get().(*jsontextReader)
	defer jsontextReaders.Put(r)
	return r.parse(doc, limits, out[:0])
}

var (
	payloadLimits = strictjson.Limits{Depth: 16, Members: 256} // those of internal/jose
	keySetLimits  = strictjson.Limits{Depth: 8, Members: 16384}
)

// measureReaders compares the two readers that this module has of its own with
// the general ones, with the same strictness.
func measureReaders(s *suite, out *section) {
	rows := [][]string{{"", "what ", "own ns", "allocs", "general ns", "allocs", "general ÷ own", "first sight, × raw", "with the general one"}}
	for _, algorithm := range algorithms {
		t := s.trusts[algorithm]
		token := strings.Clone(t.good())
		segments := strings.Split(token, ".")
		payload := string(must(standardBase64(nil, segments[1])))
		floor, first := must(rawSignature().build(t)), must(m2mauth().build(t))
		all := s.plan.measure(
			probe{"raw", 1, checking(floor, token)},
			probe{"first sight", 1, checking(first, token)},
			probe{"own base64", 1, decoding(segments[1:], jose.DecodeBase64URL)},
			probe{"encoding/base64", 1, decoding(segments[1:], standardBase64)},
			probe{"strictjson", 1, parsingStrictly(payload, payloadLimits)},
			probe{"jsontext", 1, parsingWithJSONText(payload, payloadLimits)},
		)
		for i, what := range []string{"base64url of payload and signature", fmt.Sprintf("JSON of the payload, %d bytes", len(payload))} {
			own, general := all[2+2*i], all[3+2*i]
			rows = append(rows, []string{algorithm, what, nanos(own.time()), allocations(own.allocations()),
				nanos(general.time()), allocations(general.allocations()), ratio(general.over(own)),
				precise(all[1].over(all[0])), precise(instead(all[1], own, general).over(all[0]))})
		}
	}
	set := string(s.trusts["RS256"].keySet)
	all := s.plan.measure(
		probe{"strictjson", 1, parsingStrictly(set, keySetLimits)},
		probe{"jsontext", 1, parsingWithJSONText(set, keySetLimits)},
	)
	rows = append(rows, []string{"RS256", fmt.Sprintf("JSON of a key set, %d bytes", len(set)), nanos(all[0].time()), allocations(all[0].allocations()),
		nanos(all[1].time()), allocations(all[1].allocations()), ratio(all[1].over(all[0])), "", ""})
	out.text(`This module reads base64url and JSON with code of its own. "General" is encoding/base64, Strict, with a check of the
length that finds skipped line breaks; and jsontext, a reused Decoder, token by token, with the same bounds on depth and
members. Both accept and refuse the same (readers_test.go). The last column adds the difference to a first sight, whose
goal is 1.05.`)
	out.table(rows...)
}

// instead is whole with the part that own is replaced by general, round by round.
func instead(whole, own, general figures) figures {
	var f figures
	for i := range whole.ns {
		f.ns = append(f.ns, whole.ns[i]-own.ns[i]+general.ns[i])
	}
	return f
}

func checking(v verify, token string) func() func() {
	return func() func() { return func() { must(v(context.Background(), token)) } }
}

func decoding(segments []string, decode func(buf []byte, segment string) ([]byte, error)) func() func() {
	return func() func() {
		buf := make([]byte, 0, 1024)
		return func() {
			for _, segment := range segments {
				must(decode(buf, segment))
			}
		}
	}
}

func parsingStrictly(doc string, limits strictjson.Limits) func() func() {
	return func() func() {
		buf := make([]strictjson.Member, 0, 16)
		return func() { must(strictjson.Parse(doc, limits, buf)) }
	}
}

func parsingWithJSONText(doc string, limits strictjson.Limits) func() func() {
	return func() func() {
		buf := make([]member, 0, 16)
		return func() { must(parseWithJSONText(doc, limits, buf)) }
	}
}
