//go:build go1.27

package httpmw_test

// What net/http answers by itself differs between releases. No such request
// reaches a handler that it must not reach.
const (
	longFirstLine  = 431 // textproto stops reading after 80 bytes, and says so
	absolutePath   = 0   // the stream is reset (RFC 9113 §8.3.1)
	absolutePublic = 0
)
