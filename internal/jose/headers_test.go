package jose

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// TestHeadersSaveDecodingAlone checks that a cached header saves decoding
// and changes no decision.
func TestHeadersSaveDecodingAlone(t *testing.T) {
	key := load(t, publish(edKey().Public()), Options{})
	var headers Headers
	p := signedBy(edKey(), "EdDSA")
	for range 2 {
		tok, parts, err := ParseToken(p.compact(), 512, &headers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(parts, key, "EdDSA"); err != nil {
			t.Fatal(err)
		}
		if plain, _, _ := ParseToken(p.compact(), 512, nil, nil); plain.Header != tok.Header {
			t.Errorf("header %+v, want %+v", tok.Header, plain.Header)
		}
		headers.Admit(tok)
	}
	// The same header before a signature that is another's.
	forged := p.compact()
	forged = forged[:strings.LastIndexByte(forged, '.')+1] + strings.Repeat("A", 86)
	tok, parts, err := ParseToken(forged, 512, &headers, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkKind(t, tok.Verify(parts, key, "EdDSA"), ErrSignature)
}

func TestHeadersAreBounded(t *testing.T) {
	var headers Headers
	for i := range 10 * maxHeaders {
		headers.Admit(Token{header: fmt.Sprint(i), Header: Header{KeyID: fmt.Sprint(i)}})
		if n := len(*headers.known.Load()); n > maxHeaders {
			t.Fatalf("%d headers are remembered, want at most %d", n, maxHeaders)
		}
		if h, ok := headers.get(fmt.Sprint(i)); !ok || h.KeyID != fmt.Sprint(i) {
			t.Fatalf("the last one is forgotten: %+v, %t", h, ok)
		}
	}
	long := strings.Repeat("a", maxHeaderText+1)
	headers.Admit(Token{header: long})
	if _, ok := headers.get(long); ok {
		t.Error("a text of more than 512 bytes is remembered")
	}
	var none *Headers
	none.Admit(Token{header: "a"})
	if _, ok := none.get("a"); ok {
		t.Error("nil remembers something")
	}
}

// TestHeadersKeepNoToken checks that cached headers do not keep their tokens
// in memory.
func TestHeadersKeepNoToken(t *testing.T) {
	var headers Headers
	token := func(kid string) Token {
		tok, _, err := ParseToken(withHeader(`{"alg":"RS256","kid":"`+kid+`","typ":"JWT"}`), 512, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	a, b := token("a"), token("b")
	for range 2 {
		headers.Admit(a)
		headers.Admit(b)
	}
	known := *headers.known.Load()
	for _, tok := range []Token{a, b} {
		h, ok := headers.get(tok.header)
		if !ok || h != tok.Header {
			t.Errorf("%+v, %t; want %+v", h, ok, tok.Header)
		}
		if unsafe.StringData(h.KeyID) == unsafe.StringData(tok.Header.KeyID) || unsafe.StringData(h.Type) == unsafe.StringData(tok.Header.Type) {
			t.Error("the text of the header is kept with what was read in it")
		}
		for text := range known {
			if unsafe.StringData(text) == unsafe.StringData(tok.header) {
				t.Error("the token is kept with its header")
			}
		}
	}
	if len(known) != 2 {
		t.Errorf("%d headers of two", len(known))
	}
}
