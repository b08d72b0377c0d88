// Package strictjson reads JSON as JOSE needs it: what two parsers could read
// differently is refused.
//
// encoding/json takes the last of two members of one name, matches names
// without regard to case and replaces invalid UTF-8; each has let a token mean
// one thing to its signer and another to its verifier. Here a document is
// checked whole before anything of it is read: grammar (RFC 8259), UTF-8,
// paired surrogates, no duplicate member at any depth, bounded nesting and
// number of members. Names are compared after unescaping, byte for byte.
//
// Errors are fixed texts and quote nothing of the document.
package strictjson

import (
	"errors"
	"unicode/utf8"
)

// What [Parse] returns for a document that it refuses.
var (
	ErrSyntax    = errors.New("malformed JSON")
	ErrNotObject = errors.New("not a JSON object")
	ErrUTF8      = errors.New("JSON text is not valid UTF-8")
	ErrSurrogate = errors.New("unpaired surrogate in a JSON string")
	ErrDuplicate = errors.New("duplicate member in a JSON object")
	ErrDepth     = errors.New("JSON nested too deeply")
	ErrMembers   = errors.New("too many members in JSON")
)

// Limits bounds a document. The time that Parse takes is linear in the size of
// the document within any limits.
type Limits struct {
	Depth   int // levels of objects and arrays, the outermost included
	Members int // members of all objects together
}

// Member is one member of an object. Name is unescaped.
type Member struct {
	Name  string
	Value Value
}

// Object is the members of an object, in the order of the document.
type Object []Member

// Parse checks doc, which must be one JSON object, and returns its members.
// They refer to doc and share its memory. buf is used for the result if it is
// large enough; it may be nil.
func Parse(doc string, limits Limits, buf []Member) (Object, error) {
	plain := isPlain(doc)
	if !plain && !utf8.ValidString(doc) {
		return nil, ErrUTF8
	}
	s := scanner{doc: doc, plain: plain, limits: limits}
	s.space()
	if s.peek() != '{' {
		return nil, ErrNotObject
	}
	obj, err := s.object(1, buf[:0])
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos != len(doc) {
		return nil, ErrSyntax
	}
	return obj, nil
}

// Get returns the value of the member called name.
func (o Object) Get(name string) (Value, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return Value{}, false
}

// Value is a JSON value within a document that Parse has checked. The zero
// Value is of no kind.
type Value struct{ raw string }

// IsAbsent reports whether v is the zero Value, as Get returns for a member that
// is not there.
func (v Value) IsAbsent() bool { return v.raw == "" }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.raw == "null" }

// Text returns the string that v is, unescaped.
func (v Value) Text() (text string, ok bool) {
	if v.raw == "" || v.raw[0] != '"' {
		return "", false
	}
	return unescape(v.raw[1 : len(v.raw)-1]), true
}

// Number returns the literal of the number that v is.
func (v Value) Number() (literal string, ok bool) {
	if v.raw == "" || v.raw[0] != '-' && (v.raw[0] < '0' || v.raw[0] > '9') {
		return "", false
	}
	return v.raw, true
}

// Object returns the members of the object that v is.
func (v Value) Object() (Object, bool) {
	if v.raw == "" || v.raw[0] != '{' {
		return nil, false
	}
	s := scanner{doc: v.raw, plain: isPlain(v.raw), limits: checked}
	obj, err := s.object(1, Object{})
	return obj, err == nil
}

// Array returns the items of the array that v is.
func (v Value) Array() ([]Value, bool) {
	if v.raw == "" || v.raw[0] != '[' {
		return nil, false
	}
	s := scanner{doc: v.raw, plain: isPlain(v.raw), limits: checked}
	items, err := s.array(1, []Value{})
	return items, err == nil
}

// Texts returns the strings of the array of at most limit strings that v is.
// An array with anything else in it, or more, is not one.
func (v Value) Texts(limit int) ([]string, bool) {
	if v.raw == "" || v.raw[0] != '[' {
		return nil, false
	}
	s := scanner{doc: v.raw, plain: isPlain(v.raw), limits: checked, pos: 1}
	texts := []string{}
	if s.space(); s.take(']') {
		return texts, true
	}
	for {
		item, err := s.value(1)
		text, ok := item.Text()
		if err != nil || !ok || len(texts) == limit {
			return nil, false
		}
		texts = append(texts, text)
		if s.space(); !s.take(',') {
			return texts, true
		}
	}
}

// JSON returns v as it stands in the document.
func (v Value) JSON() string { return v.raw }
