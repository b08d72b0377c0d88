package jwks

import (
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// TestProducers reads key sets as authorities and libraries publish them.
// Those of node, jose and node-jose are the library's own output.
func TestProducers(t *testing.T) {
	const (
		notSig  = `its "use" is not "sig"`
		badAlg  = `its "alg" is not an asymmetric signature algorithm`
		badCrv  = `its "crv" is unknown`
		shared  = `its "kty" is "oct": it is a shared secret`
		secret  = "it is published with its secret part, so it is compromised"
		rs256   = "it is for RS256, and accepted are ES256"
		ps256   = "it is for PS256, and accepted are RS256, ES256, EdDSA"
		others  = "it is for ES512, and accepted are RS256, ES256, EdDSA"
		noAlg   = "it is an RSA key, and accepted are ES256"
		several = `it names no "alg", and more than one RSA algorithm is accepted: RS256, PS256`
	)
	for _, tt := range []struct {
		name, doc  string
		algorithms string   // everything if ""
		want       []string // ID/algorithm of each key that can be used
		problems   []Problem
	}{
		{name: ".NET, JsonWebKey with every property", doc: `{"keys":[{"additionalData":{},"alg":"RS256","crv":null,"d":null,"dp":null,"dq":null,
			"e":"AQAB","k":null,"key_ops":[],"keyId":"net","kid":"net","kty":"RSA","n":"{N}","oth":[],"p":null,"q":null,"qi":null,"use":"sig",
			"x":null,"x5c":[],"x5t":null,"x5t#S256":null,"x5u":null,"y":null,"keySize":2048,"hasPrivateKey":false,"cryptoProviderFactory":{}}]}`,
			want: []string{"net/RS256"}},
		{name: ".NET, and it knows neither use nor alg", doc: `{"keys":[{"alg":null,"d":null,"e":"AQAB","key_ops":[],"kid":"net","kty":"RSA","n":"{N}","oth":null,"use":null,"x5c":[]},
			{"alg":null,"crv":"P-256","d":null,"e":null,"key_ops":[],"kid":"ec","kty":"EC","n":null,"use":null,"x":"{X}","y":"{Y}","x5c":[]}]}`,
			want: []string{"net/RS256", "ec/ES256"}},
		{name: ".NET, Duende", doc: `{"keys":[{"kty":"RSA","use":"sig","kid":"D1","x5t":"AAAA","e":"AQAB","n":"{N}","x5c":["AAAA"],"alg":"RS256"}]}`,
			want: []string{"D1/RS256"}},
		{name: "Microsoft Entra", doc: `{"keys":[{"kty":"RSA","use":"sig","kid":"E1","x5t":"E1","n":"{N}","e":"AQAB","x5c":["MIIC"],"cloud_instance_name":"microsoftonline.com",
			"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}]}`, want: []string{"E1/RS256"}},
		{name: "Microsoft Entra, and two RSA algorithms", algorithms: "RS256 PS256", doc: `{"keys":[{"kty":"RSA","use":"sig","kid":"E1","n":"{N}","e":"AQAB"}]}`,
			problems: []Problem{{"E1", several, false}}},
		{name: "Auth0", doc: `{"keys":[{"kty":"RSA","use":"sig","n":"{N}","e":"AQAB","kid":"A0","x5t":"AAAA","x5c":["MIID"],"alg":"RS256"}]}`, want: []string{"A0/RS256"}},
		{name: "Amazon Cognito", doc: `{"keys":[{"alg":"RS256","e":"AQAB","kid":"k0+/A=","kty":"RSA","n":"{N}","use":"sig"}]}`, want: []string{"k0+/A=/RS256"}},
		{name: "Stytch", doc: `{"keys":[{"alg":"RS256","e":"AQAB","key_ops":["verify"],"kid":"jwk-live-1","kty":"RSA","n":"{N}","use":"sig","x5c":["MIID"],"x5tS256":"AAAA"}],
			"request_id":"request-id-live-1","status_code":200}`, want: []string{"jwk-live-1/RS256"}},
		{name: "Stytch, where ES256 is accepted", algorithms: "ES256", doc: `{"keys":[{"alg":"RS256","e":"AQAB","key_ops":["verify"],"kid":"jwk-live-1","kty":"RSA","n":"{N}","use":"sig"}]}`,
			problems: []Problem{{"jwk-live-1", rs256, false}}},
		{name: "SPIFFE bundle", doc: `{"keys":[{"use":"x509-svid","kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","x5c":["MIIB"]},
			{"use":"jwt-svid","kty":"RSA","kid":"S1","n":"{N}","e":"AQAB"}],"spiffe_sequence":3,"spiffe_refresh_hint":300}`,
			problems: []Problem{{"", notSig, false}, {"S1", notSig, false}}},
		{name: "SPIRE's OIDC discovery provider", doc: `{"keys":[{"use":"sig","kty":"EC","kid":"S1","crv":"P-256","alg":"ES256","x":"{X}","y":"{Y}"}]}`, want: []string{"S1/ES256"}},
		{name: "Java, Keycloak", doc: `{"keys":[{"kid":"K1","kty":"RSA","alg":"RSA-OAEP","use":"enc","x5c":["MIIC"],"x5t":"AA","x5t#S256":"AA","n":"{N2}","e":"AQAB"},
			{"kid":"K2","kty":"RSA","alg":"RS256","use":"sig","x5c":["MIIC"],"x5t":"AA","x5t#S256":"AA","n":"{N}","e":"AQAB"},
			{"kid":"K3","kty":"OKP","alg":"EdDSA","use":"sig","crv":"Ed25519","x":"{ED}"}]}`,
			want: []string{"K2/RS256", "K3/EdDSA"}, problems: []Problem{{"K1", notSig, false}}},
		{name: "Java, Nimbus in Spring Authorization Server", doc: `{"keys":[{"kty":"RSA","e":"AQAB","kid":"7a1c","n":"{N}"},{"kty":"EC","crv":"P-256","kid":"7a1d","x":"{X}","y":"{Y}"}]}`,
			want: []string{"7a1c/RS256", "7a1d/ES256"}},
		{name: "the same where ES256 is accepted", algorithms: "ES256", doc: `{"keys":[{"kty":"RSA","e":"AQAB","kid":"7a1c","n":"{N}"}]}`, problems: []Problem{{"7a1c", noAlg, false}}},
		{name: "Java, jose4j", doc: `{"keys":[{"kty":"EC","kid":"J1","use":"sig","alg":"ES256","x":"{X}","y":"{Y}","crv":"P-256"}]}`, want: []string{"J1/ES256"}},
		{name: "Java, Jackson on a class of its own", doc: `{"keys":[{"kty":"RSA","kid":"J1","use":"sig","key_ops":null,"alg":"RS256","x5u":null,"x5c":[],"x5t":"","n":"{N}","e":"AQAB","d":null,"oth":[]}]}`,
			want: []string{"J1/RS256"}},
		{name: "Java, Janssen", doc: `{"keys":[{"name":"id_token RS256","descr":"Signature Key","kid":"c_sig_rs256","kty":"RSA","use":"sig","alg":"RS256","n":"{N}","e":"AQAB","x5c":["MIID"],"exp":1901234567890,"key_ops_type":["connect"]},
			{"kid":"c_sig_es512","kty":"EC","use":"sig","alg":"ES512","crv":"P-521","x":"{X521}","y":"{Y521}","x5c":["MIIB"],"exp":1901234567890},
			{"kid":"c_enc","kty":"EC","use":"enc","alg":"ECDH-ES","crv":"P-256","x":"{X}","y":"{Y}"}]}`,
			want: []string{"c_sig_rs256/RS256"}, problems: []Problem{{"c_enc", notSig, false}, {"c_sig_es512", others, false}}},
		{name: "Java, ForgeRock, one key under each algorithm", doc: `{"keys":[{"kty":"RSA","kid":"F1","use":"sig","alg":"RS256","n":"{N}","e":"AQAB"},{"kty":"RSA","kid":"F1","use":"sig","alg":"PS256","n":"{N}","e":"AQAB"}]}`,
			want: []string{"F1/RS256"}, problems: []Problem{{"F1", ps256, false}}},
		{name: "Node, jose", doc: `{"keys":[{"kty":"RSA","n":"{N}","e":"AQAB","alg":"PS256","kid":"N1"},{"kty":"EC","x":"{X}","y":"{Y}","crv":"P-256","alg":"ES256","kid":"N2"},
			{"crv":"Ed25519","x":"{ED}","kty":"OKP","alg":"Ed25519","kid":"N3"}]}`,
			want: []string{"N2/ES256", "N3/EdDSA"}, problems: []Problem{{"N1", ps256, false}}},
		{name: "Node, Web Cryptography", doc: `{"keys":[{"key_ops":["verify"],"ext":true,"kty":"EC","x":"{X}","y":"{Y}","crv":"P-256"}]}`, want: []string{"/ES256"}},
		{name: "Node, oidc-provider", doc: `{"keys":[{"kty":"RSA","use":"sig","kid":"O1","alg":"RS256","e":"AQAB","n":"{N}"},{"crv":"X25519","x":"{ED}","kty":"OKP","kid":"O2","use":"enc"}]}`,
			want: []string{"O1/RS256"}, problems: []Problem{{"O2", notSig, false}}},
		{name: "Node, node-jose, public", doc: `{"keys":[{"kty":"RSA","kid":"N1","use":"sig","alg":"RS256","e":"AQAB","n":"{N}"},{"kty":"EC","kid":"N2","crv":"P-256","x":"{X}","y":"{Y}"},{"kty":"oct","kid":"N3"}]}`,
			want: []string{"N1/RS256", "N2/ES256"}, problems: []Problem{{"N3", shared, false}}},
		{name: "Node, node-jose, toJSON(true)", doc: `{"keys":[{"kty":"RSA","kid":"N1","use":"sig","alg":"RS256","e":"AQAB","n":"{N}","d":"AQAB","p":"AQAB","q":"AQAB","dp":"AQAB","dq":"AQAB","qi":"AQAB"},{"kty":"oct","kid":"N3","k":"AQAB"}]}`,
			problems: []Problem{{"N1", secret, true}, {"N3", secret, true}}},
		{name: "Python, Authlib", doc: `{"keys":[{"n":"{N}","e":"AQAB","kty":"RSA","kid":"P1"}]}`, want: []string{"P1/RS256"}},
		{name: "Python, jwcrypto", doc: `{"keys": [{"crv": "Ed25519", "kid": "P1", "kty": "OKP", "use": "sig", "x": "{ED}"}]}`, want: []string{"P1/EdDSA"}},
		{name: "Ruby, Doorkeeper", doc: `{"keys":[{"kty":"RSA","kid":"R1","e":"AQAB","n":"{N}","use":"sig","alg":"RS256"}]}`, want: []string{"R1/RS256"}},
		{name: "PHP, an array for what is empty", doc: `{"keys":[{"kty":"RSA","n":"{N}","e":"AQAB","alg":"RS256","use":"sig","kid":"","key_ops":[],"x5c":[],"ext":[]}]}`, want: []string{"/RS256"}},
		{name: "Go, go-jose (Dex, Hydra, Kubernetes, Zitadel)", doc: `{"keys":[{"use":"sig","kty":"RSA","kid":"G1","alg":"RS256","n":"{N}","e":"AQAB"}]}`, want: []string{"G1/RS256"}},
		{name: "Go, a struct without omitempty", doc: `{"keys":[{"kty":"RSA","use":"","key_ops":null,"alg":"","kid":"G1","crv":"","x":"","y":"","n":"{N}","e":"AQAB","d":"","x5c":null,"x5t":""}]}`,
			want: []string{"G1/RS256"}},
		{name: "secp256k1 and ES256K beside others", doc: `{"keys":[{"kty":"EC","kid":"1","crv":"secp256k1","x":"{X}","y":"{Y}"},{"kty":"EC","kid":"2","crv":"secp256k1","alg":"ES256K","x":"{X}","y":"{Y}"},{"kty":"EC","kid":"3","crv":"P-256","x":"{X}","y":"{Y}"}]}`,
			want: []string{"3/ES256"}, problems: []Problem{{"1", badCrv, false}, {"2", badAlg, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			point, p521 := ec("", 1), p521()
			doc := strings.NewReplacer("{N}", rsa("", 1)["n"].(string), "{N2}", rsa("", 2)["n"].(string), "{ED}", ed("a")["x"].(string),
				"{X}", point["x"].(string), "{Y}", point["y"].(string), "{X521}", p521["x"].(string), "{Y521}", p521["y"].(string)).Replace(tt.doc)
			algorithms := everything
			if tt.algorithms != "" {
				algorithms = strings.Fields(tt.algorithms)
			}
			parsed, err := jose.ParseKeySet([]byte(doc), jose.Options{})
			if err != nil {
				t.Fatal(err)
			}
			set := newSet(parsed, algorithms, nil)
			var got []string
			for _, k := range set.Keys() {
				got = append(got, k.ID+"/"+k.Algorithm)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("usable keys = %q, want %q", got, tt.want)
			}
			if !slices.Equal(set.Problems, tt.problems) {
				t.Errorf("problems = %+v, want %+v", set.Problems, tt.problems)
			}
		})
	}
}
