package challenge

import "strings"

// maxField bounds the field values that are read: real ones are far shorter.
const maxField = 8 << 10

// ErrorOf returns the first "error" of a challenge of this scheme in the
// WWW-Authenticate values of a response (RFC 6750 §3.1, RFC 9449 §7.1), or "". A value
// that is malformed does not count.
func ErrorOf(values []string, scheme string) string {
	for _, value := range values {
		for _, c := range Parse(value) {
			if text := c.Params["error"]; text != "" && strings.EqualFold(c.Scheme, scheme) {
				return text
			}
		}
	}
	return ""
}

// Refusal says what a response refuses of a credential.
type Refusal int

const (
	Nothing Refusal = iota
	Token
	Proof // of possession: another one may do
)

// RefusalOf returns what a response with these WWW-Authenticate values refuses of a
// credential with this scheme, Bearer or DPoP (RFC 6750 §3.1, RFC 9449 §7.1, §9).
func RefusalOf(values []string, scheme string) Refusal {
	switch ErrorOf(values, scheme) {
	case "invalid_token":
		return Token
	case "use_dpop_nonce", "invalid_dpop_proof":
		if scheme == "DPoP" {
			return Proof
		}
	}
	return Nothing
}

// Challenge is one challenge of a WWW-Authenticate value.
type Challenge struct {
	Scheme string            // in lower case
	Params map[string]string // by name in lower case, unquoted
}

// Parse returns the challenges of one WWW-Authenticate value (RFC 9110 §11.6.1),
// or nil if it is malformed. It is lenient in one point: some servers write spaces
// between parameters, and no commas.
func Parse(value string) []Challenge {
	if len(value) > maxField {
		return nil
	}
	p := parser{text: value}
	var all []Challenge
	for p.separators(); p.text != ""; p.separators() {
		c, ok := p.challenge()
		if !ok {
			return nil
		}
		all = append(all, c)
	}
	return all
}

// parser holds what is still to be read.
type parser struct{ text string }

func (p *parser) challenge() (Challenge, bool) {
	c := Challenge{Scheme: strings.ToLower(p.token())}
	if c.Scheme == "" || !p.atBreak() {
		return c, false
	}
	if p.text == "" || p.text[0] == ',' {
		return c, true
	}
	p.spaces()
	if p.token68() {
		return c, true
	}
	c.Params = map[string]string{}
	for {
		p.separators()
		name, value, ok, isParam := p.param()
		if !isParam {
			return c, true // the next challenge, or the end
		}
		// "each parameter name MUST only occur once per challenge" (RFC 9110 §11.2)
		if _, twice := c.Params[name]; !ok || twice || !p.atBreak() {
			return c, false
		}
		c.Params[name] = value
	}
}

// param reads one parameter. If there is none, isParam is false and nothing was
// read; if it is malformed, ok is false.
func (p *parser) param() (name, value string, ok, isParam bool) {
	before := p.text
	name = strings.ToLower(p.token())
	p.spaces() // "bad" whitespace that a recipient must accept (RFC 9110 §11.2)
	if name == "" || !p.take('=') {
		p.text = before
		return "", "", false, false
	}
	p.spaces()
	if p.take('"') {
		value, ok = p.quoted()
		return name, value, ok, true
	}
	value = p.token()
	return name, value, value != "", true
}

// quoted reads the rest of a quoted string (RFC 9110 §5.6.4).
func (p *parser) quoted() (string, bool) {
	var b strings.Builder
	for i := 0; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.text = p.text[i+1:]
			return b.String(), true
		case c == '\\':
			if i++; i == len(p.text) || isControl(p.text[i]) {
				return "", false
			}
			b.WriteByte(p.text[i])
		case isControl(c):
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// token68 reads the single value that some schemes have instead of parameters. It
// reports false, and reads nothing, if there is none.
func (p *parser) token68() bool {
	end := 0
	for end < len(p.text) && (isAlphanumeric(p.text[end]) || strings.IndexByte("-._~+/", p.text[end]) >= 0) {
		end++
	}
	if end == 0 {
		return false
	}
	rest := strings.TrimLeft(p.text[end:], "=")
	if after := strings.TrimLeft(rest, " \t"); after != "" && after[0] != ',' {
		return false
	}
	p.text = rest
	return true
}

// token reads a token (RFC 9110 §5.6.2): "" if there is none.
func (p *parser) token() string {
	end := 0
	for end < len(p.text) && (isAlphanumeric(p.text[end]) || strings.IndexByte("!#$%&'*+-.^_`|~", p.text[end]) >= 0) {
		end++
	}
	token := p.text[:end]
	p.text = p.text[end:]
	return token
}

// atBreak reports whether a word ends here.
func (p *parser) atBreak() bool { return p.text == "" || strings.IndexByte(" \t,", p.text[0]) >= 0 }

func (p *parser) take(c byte) bool {
	if p.text == "" || p.text[0] != c {
		return false
	}
	p.text = p.text[1:]
	return true
}

func (p *parser) spaces() { p.text = strings.TrimLeft(p.text, " \t") }

// separators skips spaces and commas: a list may hold empty elements (RFC 9110
// §5.6.1).
func (p *parser) separators() { p.text = strings.TrimLeft(p.text, " \t,") }

func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
