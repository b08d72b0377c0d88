package m2mtest

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/scopes"
)

// validClientID reports whether id is a client ID (RFC 6749 App. A.1) that fits
// into one segment of a path.
func validClientID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '/' {
			return false
		}
	}
	return id != "" && len(id) <= 128 && id != "." && id != ".." && id != "search"
}

// checkScopes returns names without duplicates, in their order.
func checkScopes(names []string) ([]string, *apiError) {
	unique := []string{}
	for _, name := range names {
		// AllOf checks the syntax (RFC 6749 §3.3).
		if _, err := scopes.AllOf([]string{name}); err != nil {
			return nil, badRequest(stytchwire.TypeBadRequest, "One of the scopes is malformed.")
		}
		if !slices.Contains(unique, name) {
			unique = append(unique, name)
		}
	}
	return unique, nil
}

// Stytch refuses long texts without publishing limits. These are our own.
const (
	maxNameLength        = 256
	maxDescriptionLength = 1024
)

// checkTexts checks a client's name and description, nil for either that is not
// sent.
func checkTexts(name, description *string) *apiError {
	switch {
	case name != nil && utf8.RuneCountInString(*name) > maxNameLength:
		return badRequest(stytchwire.TypeInvalidName, "The client_name is longer than 256 characters.")
	case description != nil && utf8.RuneCountInString(*description) > maxDescriptionLength:
		return badRequest(stytchwire.TypeInvalidDescription, "The client_description is longer than 1024 characters.")
	}
	return nil
}

const (
	maxMetadataKeys  = 20
	maxMetadataBytes = 4096
)

func checkMetadata(m stytchwire.Metadata) *apiError {
	size := 0
	for name, value := range m {
		size += len(name) + len(value)
	}
	switch {
	case len(m) > maxMetadataKeys:
		return badRequest(stytchwire.TypeMetadataTooMany, "The trusted_metadata has more than 20 members.")
	case size > maxMetadataBytes:
		return badRequest(stytchwire.TypeMetadataTooLarge, "The trusted_metadata is larger than 4 KiB.")
	}
	return nil
}

// mergeMetadata returns a new map with base and the members of change. A null
// in change removes a member.
func mergeMetadata(base, change stytchwire.Metadata) stytchwire.Metadata {
	merged := stytchwire.Metadata{}
	for _, m := range []stytchwire.Metadata{base, change} {
		for name, value := range m {
			if strings.TrimSpace(string(value)) == "null" {
				delete(merged, name)
				continue
			}
			merged[name] = json.RawMessage(slices.Clone(value))
		}
	}
	return merged
}
