package tenants

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Registration describes a client to register. Its JSON can be the body of a request, with
// the Key in a header.
type Registration struct {
	// Key makes the registration idempotent: a repeat with the same Key and the same
	// content registers nothing. It is chosen by the customer, such as the
	// Idempotency-Key of a request, or put into a form by the SaaS: 1 to 128
	// characters, and new for each client. Required.
	Key string `json:"-"`

	Name        string   `json:"name"`        // 1 to 128 characters; required
	Description string   `json:"description"` // up to 512 characters
	Scopes      []string `json:"scopes"`      // from Config.Scopes

	// Values are the customer's own data about the client: up to 20 of them, with keys
	// of up to 64 characters, and up to 2 KiB of JSON together.
	Values map[string]string `json:"values"`
}

const (
	mostValues     = 20
	mostValueBytes = 2048 // Stytch takes 4 KiB of metadata
)

// check returns the customer's mistakes.
func (r *Registration) check(permitted []string) error {
	var mistakes []string
	add := func(field, problem string) {
		if problem != "" {
			mistakes = append(mistakes, field+" "+problem)
		}
	}
	add("the key", checkName(r.Key, 128))
	add("the name", checkName(r.Name, 128))
	add("the description", checkText(r.Description, 512))
	for i, scope := range r.Scopes {
		if !slices.Contains(permitted, scope) {
			add(fmt.Sprintf("scope %d", i+1), "can't be given")
			break
		}
	}
	if len(r.Values) > mostValues {
		add("the values", fmt.Sprintf("are more than %d", mostValues))
	} else if text, err := json.Marshal(r.Values); err != nil || len(text) > mostValueBytes {
		add("the values", fmt.Sprintf("take more than %d bytes of JSON", mostValueBytes))
	}
	for key, value := range r.Values {
		if checkName(key, 64) != "" || checkText(value, mostValueBytes) != "" {
			add("a key or a value", "is empty, too long, or holds control characters")
			break
		}
	}
	if mistakes == nil {
		return nil
	}
	return invalid(strings.Join(mistakes, "; "))
}

// checkName returns what is wrong with a name; "" if nothing is. Space around it is
// refused, because a search for the name could miss it.
func checkName(s string, most int) string {
	switch {
	case s == "":
		return "is empty"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	}
	return checkText(s, most)
}

// checkText returns what is wrong with a text that may be empty.
func checkText(s string, most int) string {
	switch {
	case !utf8.ValidString(s): // JSON would change it
		return "is not valid UTF-8"
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("has more than %d characters", most)
	case strings.ContainsFunc(s, isInvisible):
		return "holds control characters"
	}
	return ""
}

// isInvisible reports whether r is a control character, or one that changes how others
// are shown: turned text could make one client look like another. The two joiners are
// permitted, because some languages need them.
func isInvisible(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) && r != nonJoiner && r != joiner
}

// marker is the member of trusted_metadata that identifies a registration. It lets a
// lost index be rebuilt, and tells whether a registration without response took place.
type marker struct {
	Key  string `json:"key"`  // digest of the tenant and Registration.Key
	Body string `json:"body"` // digest of everything else
}

// marker returns the marker of a checked registration.
func (r *Registration) marker(tenant string) marker {
	values := r.Values
	if len(values) == 0 {
		values = nil
	}
	return marker{digest(tenant, r.Key), digest(r.Name, r.Description, r.scopes(), values)}
}

// scopes returns the scopes, each once. Their order means nothing.
func (r *Registration) scopes() []string {
	return slices.Compact(slices.Sorted(slices.Values(r.Scopes)))
}

// metadata returns trusted_metadata. What the customer wrote is under one key. The owner
// is written last: nothing can replace it.
func (r *Registration) metadata(t *Tenants, tenant string) map[string]any {
	all := make(map[string]any)
	if len(r.Values) > 0 {
		all[valuesKey] = r.Values
	}
	all[markerKey] = r.marker(tenant)
	all[t.ownerKey] = tenant
	return all
}

// digest returns a hash of parts. JSON keeps them apart.
func digest(parts ...any) string {
	text, err := json.Marshal(parts) // sorts the keys of maps
	if err != nil {
		panic("tenants: " + err.Error()) // strings always have JSON
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// markerOf returns the marker of a client; the zero marker if it has none.
func markerOf(metadata map[string]json.RawMessage) marker {
	var m marker
	if json.Unmarshal(metadata[markerKey], &m) != nil {
		return marker{}
	}
	return m
}
