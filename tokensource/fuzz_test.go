package tokensource

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzResponse: a token that is accepted can be sent in a header field, and an
// error shows nothing of the answer.
func FuzzResponse(f *testing.F) {
	f.Add(200, `{"access_token":"a.b.c","token_type":"bearer","expires_in":3600,"scope":"x"}`)
	f.Add(200, `{"access_token":"a","token_type":"Bearer","expires_in":"3599"}`)
	f.Add(400, `{"error":"invalid_client","error_description":"hush-kR8z42"}`)
	f.Add(503, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		began := time.Unix(1_800_000_000, 0)
		token, err := parseResponse(&http.Response{StatusCode: status, Header: http.Header{}}, []byte(body), began, bearerScheme, []string{"hush-kR8z42"})
		if (token == nil) == (err == nil) {
			t.Fatalf("parseResponse = %v, %v, want a token or an error", token, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "hush-kR8z42") {
				t.Errorf("parseResponse = %v, which holds the secret", err)
			}
			return
		}
		if status < 200 || status > 299 || token.Type() != "Bearer" || token.AccessToken == "" || strings.ContainsAny(token.AccessToken, " \r\n\x00") {
			t.Errorf("parseResponse(%d, %q) = %q", status, body, token.AccessToken)
		}
		if !token.Expiry.IsZero() && (!token.Expiry.After(began) || token.Expiry.After(began.Add(maxLife))) {
			t.Errorf("parseResponse = a token until %v", token.Expiry)
		}
	})
}

// FuzzMetadata: only the issuer's own document counts, and only an https endpoint.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"issuer":"https://a.example","token_endpoint":"https://a.example/token"}`)
	f.Add(`{"issuer":"https://a.example","token_endpoint":"https://a.example/token?p=x","mtls_endpoint_aliases":{"token_endpoint":"https://m.example/token"},"token_endpoint_auth_methods_supported":["client_secret_post"]}`)
	f.Add(`{"issuer":"https://b.example","token_endpoint":"http://a.example/token"}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, mtls := range []bool{false, true} {
			at, err := (&metadata{issuer: "https://a.example", mtls: mtls}).parse([]byte(body))
			if err != nil {
				continue
			}
			if !strings.HasPrefix(strings.ToLower(at.url), "https://") || strings.Contains(at.url, "#") ||
				!strings.Contains(body, "issuer") && !strings.Contains(body, `\u`) || len(at.methods) > 64 {
				t.Errorf("parse(%q) = %+v", body, at)
			}
		}
	})
}

// FuzzTimes: whatever a token is, reading its times does no harm.
func FuzzTimes(f *testing.F) {
	f.Add("e30.eyJpYXQiOjEsImV4cCI6Mn0.c2ln")
	f.Add("opaque")
	f.Fuzz(func(t *testing.T, token string) {
		if got := readTimes(token); !got.expiry.IsZero() && got.expiry.Unix() < 0 || !got.issued.IsZero() && got.issued.Unix() < 0 {
			t.Errorf("readTimes(%q) = %+v", token, got)
		}
	})
}
