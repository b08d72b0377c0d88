package jwks

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestNotModifiedKeepsHint: a 304 confirms a SPIFFE bundle with its refresh hint. Without
// it, the second fetch would come after the interval that other key sets have.
func TestNotModifiedKeepsHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const etag = `"1"`
		key := ed("a")
		key["use"] = "jwt-svid"
		body := bytes.Replace(document(key), []byte(`{`), []byte(`{"spiffe_refresh_hint":120,`), 1)
		a := answering(func(_ context.Context, sent string) (Document, error) {
			if sent == etag {
				return Document{NotModified: true, ETag: etag}, nil
			}
			return Document{Body: body, ETag: etag}, nil
		})
		open(t, a, func(o *Options) { o.Keys.Bundle = true })
		keytest.Pass(20 * time.Minute)
		asked, etags := a.log()
		if n := len(asked); n < 9 || n > 12 || etags[len(etags)-1] != etag {
			t.Errorf("fetches in 20 minutes = %d, the last with the ETag %s, want about one in 2 minutes, with %s", n, etags[len(etags)-1], etag)
		}
	})
}
