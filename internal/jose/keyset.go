package jose

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

const maxKeys = 512

// keySetLimits leaves room for 512 keys with a few dozen members each.
var keySetLimits = strictjson.Limits{Depth: 8, Members: 16384}

// KeySet is what a JWK Set document (RFC 7517 §5) holds.
type KeySet struct {
	Keys    []*Key
	Dropped []Dropped
}

// Dropped is a key of the document that can't be used.
type Dropped struct {
	ID     string // "kid", or ""
	Index  int    // its place in the document, from 0
	Reason string
	Secret bool // its secret part was published, so it is compromised
}

func (d Dropped) String() string {
	return fmt.Sprintf("key %d (kid %s): %s", d.Index, strconv.QuoteToASCII(d.ID), d.Reason)
}

// ParseKeySet reads a JWK Set document. A key that can't be used is dropped
// with its reason and the others stay; a document that can't be read at all,
// or holds more than 512 keys, is an error. Members that it does not know, of
// the document and of a key, are ignored (RFC 7517 §4, §5).
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
	set := &KeySet{}
	for i, entry := range entries {
		key, id, bad := parseEntry(entry, opts)
		if bad != nil {
			set.Dropped = append(set.Dropped, Dropped{ID: id, Index: i, Reason: bad.reason, Secret: bad.secret})
			continue
		}
		set.Keys = append(set.Keys, key)
	}
	return set, nil
}

func parseEntry(entry strictjson.Value, opts Options) (key *Key, id string, bad *unusable) {
	jwk, ok := entry.Object()
	if !ok {
		return nil, "", drop("it is not an object")
	}
	v, named := jwk.Get("kid")
	if id, ok = v.Text(); len(id) > maxKeyID {
		id, ok = "", false
	}
	if isSecret(jwk) {
		// Before anything else that may be wrong with it: this one is urgent.
		return nil, id, &unusable{"it is published with its secret part, so it is compromised", true}
	}
	if named && (!ok || id == "") {
		return nil, "", drop(`its "kid" is not a string of 1 to 256 bytes`)
	}
	if key, bad = parseKey(jwk, opts); bad != nil {
		return nil, id, bad
	}
	key.ID = id
	return key, id, nil
}
