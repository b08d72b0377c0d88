package authority

import (
	"fmt"
	"io"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/m2mtest"
)

// welcome prints how to use the authority. It prints the project's secret only if the
// authority itself made it.
func (o *options) welcome(out io.Writer, a *m2mtest.Authority, controlURL string) {
	kept, secret, curl, trust := "stores everything in "+redact.Text(o.file), a.Secret(), "curl -s", ""
	if o.memory {
		kept = "stores nothing"
	}
	if o.secretGiven {
		secret = "… # as you set it"
	}
	if o.tlsCA != "" {
		file := redact.Text(o.tlsCA)
		curl += " --cacert " + file
		trust = "\n  export NODE_EXTRA_CA_CERTS=" + file
	}
	if controlURL != "" {
		controlURL = "\n  export AUTHORITY_CONTROL=" + controlURL
	}
	fmt.Fprintf(out, `The authority is up, and %[1]s. Ctrl-C stops it.

  export STYTCH_URL=%[2]s
  export STYTCH_PROJECT_ID=%[3]s
  export STYTCH_SECRET=%[4]s%[5]s%[6]s

Register a client:

  %[7]s -u $STYTCH_PROJECT_ID:$STYTCH_SECRET $STYTCH_URL/v1/m2m/clients \
    -H 'Content-Type: application/json' -d '{"client_name":"mine","scopes":["read:orders"]}'

Get a token with the client_id and client_secret of the response:

  %[7]s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials \
    $STYTCH_URL/v1/public/$STYTCH_PROJECT_ID/oauth2/token

Get the keys, as services do that verify tokens:

  %[7]s $STYTCH_URL/v1/sessions/jwks/$STYTCH_PROJECT_ID
`, kept, a.URL(), a.ProjectID(), secret, trust, controlURL, curl)
}
