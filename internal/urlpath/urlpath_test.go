package urlpath

import "testing"

func TestHasDotSegment(t *testing.T) {
	for path, want := range map[string]bool{
		"":                 false,
		"/":                false,
		"/a.b/..c/d../...": false,
		"/.well-known/x":   false,
		".":                true,
		"..":               true,
		"/.":               true,
		"/..":              true,
		"/a/../b":          true,
		"/a/./b":           true,
		"/a/..":            true,
		"//..//":           true,
		`/a/..\b`:          true,
		`/a\..\b`:          true,
		"/a/..;/b":         false, // a path parameter, which Go's routers do not know
	} {
		if got := HasDotSegment(path); got != want {
			t.Errorf("HasDotSegment(%q) = %t, want %t", path, got, want)
		}
	}
}
