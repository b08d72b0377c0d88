package m2mtest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// claimsTemplate makes custom claims of a client's metadata and a token request.
type claimsTemplate struct {
	root map[string]any
	mark string // begins the strings that stand for variables
}

// maxCustomClaims is Stytch's limit for the claims of a template.
const maxCustomClaims = 4 << 10

var standardClaims = []string{"sub", "iss", "aud", "scope", "iat", "nbf", "exp", "jti"}

// parseTemplate compiles a template. It returns nil for "".
func parseTemplate(text string) (*claimsTemplate, error) {
	if text == "" {
		return nil, nil
	}
	t := &claimsTemplate{mark: rand.Text() + ":"} // no text of the template begins so
	doc, errs := t.replaceVariables(text)
	var root any
	if err := unmarshal([]byte(doc), &root); err != nil { // refuses duplicates, too
		errs = append(errs, errors.New(`option ClaimsTemplate is malformed JSON, or has a name twice: `+
			`write an object with variables as values: {"tenant": {{ client.trusted_metadata.tenant }}}`))
		return nil, errors.Join(errs...)
	}
	root, _ = exact([]byte(doc)) // again, with exact numbers
	object, ok := root.(map[string]any)
	if !ok {
		return nil, errors.Join(append(errs, errors.New("option ClaimsTemplate is no JSON object"))...)
	}
	for _, name := range standardClaims {
		if _, present := object[name]; present {
			errs = append(errs, fmt.Errorf("option ClaimsTemplate sets %q: a template can't replace standard claims", name))
		}
	}
	if t.inNames(root) {
		errs = append(errs, errors.New("option ClaimsTemplate has a variable as a name: variables can only be values"))
	}
	t.root = object
	return t, errors.Join(errs...)
}

// replaceVariables returns the template with a string for each variable.
func (t *claimsTemplate) replaceVariables(text string) (doc string, errs []error) {
	var out strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "{{"):
			end := strings.Index(text[i:], "}}")
			if end < 0 {
				return text, append(errs, errors.New("option ClaimsTemplate has {{ without }}"))
			}
			if inString {
				errs = append(errs, errors.New("option ClaimsTemplate has a variable in a string: write it without quotation marks"))
			} else if path, err := variable(text[i+2 : i+end]); err != nil {
				errs = append(errs, err)
				out.WriteString("null")
			} else {
				out.WriteString(`"` + t.mark + path + `"`)
			}
			i += end + 1
			continue
		case inString && text[i] == '\\' && i+1 < len(text):
			out.WriteByte(text[i])
			i++
		case text[i] == '"':
			inString = !inString
		}
		out.WriteByte(text[i])
	}
	return out.String(), errs
}

// variable checks what stands between braces, and returns it without white space.
func variable(text string) (string, error) {
	path := strings.TrimSpace(text)
	names := strings.Split(path, ".")
	for _, name := range names {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r == '{' || r >= 0x7f }) {
			return "", fmt.Errorf("option ClaimsTemplate has the malformed variable %s", redact.Quote(path))
		}
	}
	switch {
	case path == "request.client_secret":
		return "", errors.New("option ClaimsTemplate would copy the client_secret into tokens")
	case names[0] == "request" && len(names) > 1, names[0] == "client" && len(names) > 1 && names[1] == "trusted_metadata":
		return path, nil
	}
	return "", fmt.Errorf("option ClaimsTemplate has the unknown variable %s: write client.trusted_metadata.NAME or request.NAME",
		redact.Quote(path))
}

// inNames reports whether a variable stands as a name anywhere in v.
func (t *claimsTemplate) inNames(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if strings.HasPrefix(name, t.mark) || t.inNames(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, t.inNames)
	}
	return false
}

// claims returns the claims for one token.
func (t *claimsTemplate) claims(metadata stytchwire.Metadata, request map[string]json.RawMessage) (map[string]any, *oauthError) {
	if t == nil {
		return nil, nil
	}
	result := t.fill(t.root, map[string]any{
		"client":  map[string]any{"trusted_metadata": decoded(metadata)},
		"request": decoded(request),
	}).(map[string]any)
	text, err := json.Marshal(result)
	if err != nil || len(text) > maxCustomClaims {
		return nil, invalidRequest("The custom claims are larger than 4 KiB.")
	}
	return result, nil
}

// fill returns v with the values of variables. It leaves out what has none.
func (t *claimsTemplate) fill(v any, values map[string]any) any {
	switch v := v.(type) {
	case map[string]any:
		filled := map[string]any{}
		for name, member := range v {
			if value := t.fill(member, values); value != nil {
				filled[name] = value
			}
		}
		return filled
	case []any:
		filled := []any{}
		for _, item := range v {
			if value := t.fill(item, values); value != nil {
				filled = append(filled, value)
			}
		}
		return filled
	case string:
		if path, isVariable := strings.CutPrefix(v, t.mark); isVariable {
			return lookUp(values, path)
		}
	}
	return v
}

func lookUp(values map[string]any, path string) any {
	var value any = values
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// decoded returns the members that are JSON.
func decoded(members map[string]json.RawMessage) map[string]any {
	values := map[string]any{}
	for name, text := range members {
		if value, err := exact(text); err == nil {
			values[name] = value
		}
	}
	return values
}

// exact decodes JSON with numbers as they are written.
func exact(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}
