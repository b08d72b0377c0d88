//go:build !go1.27

package httpmw_test

// What net/http answers by itself differs between releases. No such request
// reaches a handler that it must not reach.
const (
	longFirstLine  = 400 // a first header line that begins with a space
	absolutePath   = 401 // HTTP/2 with a whole URL as :path: its path is routed
	absolutePublic = 400 // the same, and the path has dot segments
)
