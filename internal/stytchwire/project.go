package stytchwire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

const (
	testPrefix = "project-test-"
	livePrefix = "project-live-"
)

// BaseURL returns the base URL of a project's API: configured, or that of the
// environment in the project ID if configured is "".
func BaseURL(projectID, configured string) string {
	switch {
	case configured != "":
		return strings.TrimSuffix(configured, "/")
	case strings.HasPrefix(projectID, testPrefix):
		return "https://test.stytch.com"
	default:
		return "https://api.stytch.com"
	}
}

// CheckProjectID returns an error if id is not a project ID. It quotes only what
// looks like one, because people confuse it with the secret or "project:secret".
func CheckProjectID(id string) error {
	name, ok := strings.CutPrefix(id, testPrefix)
	if !ok {
		name, ok = strings.CutPrefix(id, livePrefix)
	}
	const want = `write it as the dashboard shows it, "project-test-…" or "project-live-…" and then letters, digits and hyphens`
	switch {
	case ok && isProjectName(name):
		return nil
	case !strings.HasPrefix(id, "project-"):
		return errors.New(`that is no project ID: write the one that the dashboard shows beside ` +
			`the secret, which starts with "project-test-" or "project-live-"`)
	case isProjectName(id) && len(id) <= 64:
		return fmt.Errorf("malformed project ID %q: %s", id, want)
	default:
		return fmt.Errorf("malformed project ID of %d bytes: %s", len(id), want)
	}
}

func isProjectName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// CheckScopes refuses names that are no scopes (RFC 6749 §3.3). It accepts an empty
// list.
func CheckScopes(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if _, err := scopes.AllOf(names); err != nil {
		return fmt.Errorf("option Scopes: %w", err)
	}
	return nil
}
