package telemetry_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/telemetry"
)

// reportNames lists the names in the JSON of version 1. A name may be added. To
// remove one, or to change its meaning, change ReportVersion.
const reportNames = `
at decisions.count decisions.outcome decisions.reason decisions.remembered issuers.age
issuers.allowed issuers.confirmed issuers.fetches issuers.hint issuers.issuer issuers.jwks_url
issuers.keys.algorithm issuers.keys.id issuers.keys.thumbprint issuers.keys_total
issuers.introspects issuers.last_error issuers.next_attempt issuers.optional issuers.problems.compromised
issuers.problems.key_id issuers.problems.text issuers.refused issuers.state issuers.unknown_keys
issuers_total minutes.allowed minutes.refused minutes.start minutes.unavailable operations.name
operations.public operations.refused operations.requirement operations_digest operations_total
problems.hint problems.state problems.subject problems.text refusals.count refusals.first
refusals.hour refusals.last refusals.latest.at refusals.latest.client_id
refusals.latest.expected refusals.latest.found refusals.latest.hint refusals.latest.issuer
refusals.latest.key_id refusals.latest.operation refusals.outcome refusals.reason refusals_total
revocations.age revocations.confirmed revocations.entries revocations.fail_open
revocations.generation revocations.last_error revocations.max_age revocations.max_entries
revocations.missing revocations.position revocations.shared revocations.state service since
state verdict version
`

func TestReportNames(t *testing.T) {
	got := make(map[string]bool)
	namesOf(reflect.TypeFor[telemetry.Report](), "", got)
	for _, name := range strings.Fields(reportNames) {
		if !got[name] {
			t.Errorf("the report lacks %s, which version 1 has", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("the report has %s: add it to reportNames", name)
	}
}

// namesOf collects the JSON names in a type, each with its path.
func namesOf(typ reflect.Type, path string, into map[string]bool) {
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		into[path] = true
		return
	}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		namesOf(typ.Field(i).Type, strings.TrimPrefix(path+"."+name, "."), into)
	}
}
