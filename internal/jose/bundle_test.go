package jose

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"
)

// TestBundle: of a SPIFFE bundle only the keys for JWT-SVIDs are taken. An ordinary
// key set has none of them.
func TestBundle(t *testing.T) {
	const notSig, notJWT = `its "use" is not "sig"`, `its "use" is not "jwt-svid"`
	base := publish(p256Key().Public())
	doc := func(members map[string]any) []byte {
		jwk := maps.Clone(base)
		maps.Copy(jwk, members)
		for name, v := range members {
			if v == nil {
				delete(jwk, name)
			}
		}
		return must(json.Marshal(map[string]any{"keys": []any{jwk}}))
	}
	bundle, optional := Options{Bundle: true}, Options{Bundle: true, UseOptional: true}
	for _, tt := range []struct {
		name    string
		opts    Options
		use     any
		taken   bool
		dropped string
	}{
		{"jwt-svid in a bundle", bundle, "jwt-svid", true, ""},
		{"jwt-svid from a function", optional, "jwt-svid", true, ""},
		{"jwt-svid in a key set", Options{}, "jwt-svid", false, notSig},
		{"x509-svid in a bundle", bundle, "x509-svid", false, ""},
		{"x509-svid from a function", optional, "x509-svid", false, ""},
		{"x509-svid in a key set", Options{}, "x509-svid", false, notSig},
		{"wit-svid in a bundle", bundle, "wit-svid", false, ""},
		{"wit-svid from a function", optional, "wit-svid", false, ""},
		{"sig in a bundle", bundle, "sig", false, notJWT},
		{"sig from a function", optional, "sig", false, notJWT},
		{"no use in a bundle", bundle, nil, false, notJWT},
		{"no use from a function", optional, nil, true, ""},
		{"an empty use in a bundle", bundle, "", false, notJWT},
		{"upper case in a bundle", bundle, "JWT-SVID", false, notJWT},
		{"a list in a bundle", bundle, []string{"jwt-svid"}, false, notJWT},
	} {
		set := must(ParseKeySet(doc(map[string]any{"use": tt.use}), tt.opts))
		dropped := ""
		if len(set.Dropped) > 0 {
			dropped = set.Dropped[0].Reason
		}
		if taken := len(set.Keys) == 1; taken != tt.taken || dropped != tt.dropped {
			t.Errorf("ParseKeySet(%s) takes %t, drops %q, want %t, %q", tt.name, taken, dropped, tt.taken, tt.dropped)
		}
	}
	// A secret that is published is reported, whatever it is for.
	set := must(ParseKeySet(doc(map[string]any{"use": "x509-svid", "d": "AQAB"}), bundle))
	if !slices.ContainsFunc(set.Dropped, func(d Dropped) bool { return d.Secret }) {
		t.Errorf("ParseKeySet(x509-svid with d).Dropped = %v, want it compromised", set.Dropped)
	}
}

func TestRefreshHint(t *testing.T) {
	for _, tt := range []struct {
		name, hint string
		opts       Options
		want       time.Duration
	}{
		{"seconds", `,"spiffe_refresh_hint":300`, Options{Bundle: true}, 5 * time.Minute},
		{"none", ``, Options{Bundle: true}, 0},
		{"zero", `,"spiffe_refresh_hint":0`, Options{Bundle: true}, 0},
		{"negative", `,"spiffe_refresh_hint":-1`, Options{Bundle: true}, 0},
		{"a fraction", `,"spiffe_refresh_hint":1.5`, Options{Bundle: true}, 0},
		{"too many", `,"spiffe_refresh_hint":99999999999999999999`, Options{Bundle: true}, 0},
		{"a string", `,"spiffe_refresh_hint":"300"`, Options{Bundle: true}, 0},
		{"null", `,"spiffe_refresh_hint":null`, Options{Bundle: true}, 0},
		{"in a key set", `,"spiffe_refresh_hint":300`, Options{}, 0},
	} {
		if got := must(ParseKeySet([]byte(`{"keys":[]`+tt.hint+`}`), tt.opts)).RefreshHint; got != tt.want {
			t.Errorf("ParseKeySet(%s).RefreshHint = %v, want %v", tt.name, got, tt.want)
		}
	}
}
