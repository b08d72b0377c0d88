package jose

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

const maxKeys = 512

// keySetLimits leaves room for 512 keys with a few dozen members each.
var keySetLimits = strictjson.Limits{Depth: 8, Members: 16384}

// KeySet holds the keys of a JWK Set document (RFC 7517 §5).
type KeySet struct {
	Keys    []*Key
	Dropped []Dropped

	// RefreshHint asks for the next fetch of a SPIFFE bundle after that time (SPIFFE
	// Trust Domain and Bundle, §4.1.2). It is 0 if the set has none.
	RefreshHint time.Duration

	leaked leaked
}

// Leaks reports whether the document publishes the secret part of k. k may come
// from another document.
func (s *KeySet) Leaks(k *Key) bool { return s.leaked.has(k) }

// Dropped describes a key of the document that can't be used.
type Dropped struct {
	ID     string // "kid", or ""
	Index  int    // of its entry in the document, from 0
	Reason string
	Secret bool // its secret part was published, so it is compromised
}

func (d Dropped) String() string {
	return fmt.Sprintf("key %d (kid %s): %s", d.Index, strconv.QuoteToASCII(d.ID), d.Reason)
}

// ParseKeySet parses a JWK Set document. A key that can't be used is dropped with
// its reason, and the others stay. A key whose secret part is published, in its
// own entry or in another, is dropped as compromised. Unknown members of the
// document and of a key are ignored (RFC 7517 §4, §5). ParseKeySet returns an
// error for a document that is malformed or holds more than 512 keys.
func ParseKeySet(doc []byte, opts Options) (*KeySet, error) {
	root, err := strictjson.Parse(string(doc), keySetLimits, nil)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	member, _ := root.Get("keys")
	entries, ok := member.Array()
	if !ok {
		return nil, errors.New(`key set: no array "keys"`)
	}
	if len(entries) > maxKeys {
		return nil, errors.New("key set: more than 512 keys")
	}
	set := &KeySet{leaked: make(leaked)}
	if opts.Bundle {
		set.RefreshHint = refreshHint(root)
	}
	parsed := make([]parsedEntry, len(entries))
	for i, entry := range entries {
		parsed[i] = parseEntry(entry, opts, set.leaked)
	}
	for i, e := range parsed {
		if e.key != nil && set.Leaks(e.key) {
			e.bad = &unusable{"its secret part is published in another entry, so it is compromised", true}
		}
		if e.bad != nil {
			set.Dropped = append(set.Dropped, Dropped{ID: e.id, Index: i, Reason: e.bad.reason, Secret: e.bad.secret})
			continue
		}
		if e.key == nil {
			continue // for other SVIDs
		}
		set.Keys = append(set.Keys, e.key)
	}
	return set, nil
}

// refreshHint reads the number of seconds in "spiffe_refresh_hint". A value that is
// no such number is no hint.
func refreshHint(root strictjson.Object) time.Duration {
	v, _ := root.Get("spiffe_refresh_hint")
	literal, _ := v.Number()
	seconds, err := strconv.ParseUint(literal, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// parsedEntry holds an entry of "keys": its key, or why it is dropped, or neither for
// a key of other SVIDs in a SPIFFE bundle.
type parsedEntry struct {
	key *Key
	id  string
	bad *unusable
}

// parseEntry parses one entry, and adds it to leaked if it holds a secret part.
func parseEntry(entry strictjson.Value, opts Options, leaked leaked) parsedEntry {
	jwk, ok := entry.Object()
	if !ok {
		return parsedEntry{bad: drop("it is not an object")}
	}
	symmetric := isSymmetric(jwk)
	jwk = withoutEmpty(jwk)
	v, named := jwk.Get("kid")
	id, ok := v.Text()
	if len(id) > maxKeyID {
		id, ok = "", false
	}
	if symmetric || isSecret(jwk) {
		// This comes before every other check, because it is urgent.
		leaked.add(jwk)
		return parsedEntry{id: id, bad: &unusable{"it is published with its secret part, so it is compromised", true}}
	}
	if named && !ok {
		return parsedEntry{bad: drop(`its "kid" is not a string of 1 to 256 bytes`)}
	}
	if use, _ := textMember(jwk, "use"); opts.Bundle && (use == useX509 || use == useWIT) {
		return parsedEntry{}
	}
	key, bad := parseKey(jwk, opts)
	if bad == nil {
		key.ID = id
	}
	return parsedEntry{key, id, bad}
}
