// Package strictjson parses JSON for JOSE. It refuses documents that two parsers
// could read differently.
//
// encoding/json takes the last of two members with one name, ignores the case of
// names, and replaces invalid UTF-8. Each of these has made a token mean one
// thing to its signer and another to its verifier. [Parse] checks the whole
// document first: grammar (RFC 8259), UTF-8, paired surrogates, duplicate members
// at any depth, nesting, and the number of members. Names are compared byte for
// byte, after unescaping.
//
// Errors are fixed texts. They never quote the document.
package strictjson

import (
	"errors"
	"unicode/utf8"
)

// The errors of [Parse].
var (
	ErrSyntax    = errors.New("malformed JSON")
	ErrNotObject = errors.New("not a JSON object")
	ErrUTF8      = errors.New("JSON text is not valid UTF-8")
	ErrSurrogate = errors.New("unpaired surrogate in a JSON string")
	ErrDuplicate = errors.New("duplicate member in a JSON object")
	ErrDepth     = errors.New("JSON nested too deeply")
	ErrMembers   = errors.New("too many members in JSON")
)

// Limits bounds a document. With any limits, the time that Parse takes is linear in
// the size of the document.
type Limits struct {
	Depth   int // levels of objects and arrays, the outermost included
	Members int // members of all objects together
}

// Member is one member of an object. Name is unescaped.
type Member struct {
	Name  string
	Value Value
}

// Object holds the members of an object, in the order of the document.
type Object []Member

// Parse checks doc, which must be one JSON object, and returns its members. They
// share the memory of doc. If buf is large enough, the result uses it; buf may be
// nil.
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

// Get returns the value of the member called name, and whether there is one.
func (o Object) Get(name string) (Value, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return Value{}, false
}

// Value is a JSON value of a document that Parse has checked. The zero Value is
// absent.
type Value struct{ raw string }

// IsAbsent reports whether v is the zero Value, which Get returns for a missing
// member.
func (v Value) IsAbsent() bool { return v.raw == "" }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.raw == "null" }

// Text returns the unescaped string if v is one.
func (v Value) Text() (text string, ok bool) {
	if v.raw == "" || v.raw[0] != '"' {
		return "", false
	}
	return unescape(v.raw[1 : len(v.raw)-1]), true
}

// Number returns the literal of the number if v is one.
func (v Value) Number() (literal string, ok bool) {
	if v.raw == "" || v.raw[0] != '-' && (v.raw[0] < '0' || v.raw[0] > '9') {
		return "", false
	}
	return v.raw, true
}

// Object returns the members of the object if v is one.
func (v Value) Object() (Object, bool) {
	if v.raw == "" || v.raw[0] != '{' {
		return nil, false
	}
	s := scanner{doc: v.raw, plain: isPlain(v.raw), limits: checked}
	obj, err := s.object(1, Object{})
	return obj, err == nil
}

// Array returns the items of the array if v is one.
func (v Value) Array() ([]Value, bool) {
	if v.raw == "" || v.raw[0] != '[' {
		return nil, false
	}
	s := scanner{doc: v.raw, plain: isPlain(v.raw), limits: checked}
	items, err := s.array(1, []Value{})
	return items, err == nil
}

// Texts returns the items of the array if v is one of at most limit strings and
// nothing else.
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

// JSON returns v as the document spells it.
func (v Value) JSON() string { return v.raw }
