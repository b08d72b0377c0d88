package stytch_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/m2mauth/m2mauth/internal/jsonv2"

	"github.com/m2mauth/m2mauth/stytch"
)

const hush = "hush-kR8z42"

// holder has a secret in each place that can hold one.
type holder struct {
	Exported stytch.Secret
	hidden   stytch.Secret
	List     []stytch.Secret
	Map      map[string]stytch.Secret
	Pointer  *stytch.Secret
	Any      any
	inner    struct{ deep any }
}

func newHolder() holder {
	s := stytch.NewSecret(hush)
	h := holder{
		Exported: s, hidden: s, List: []stytch.Secret{s}, Map: map[string]stytch.Secret{"k": s},
		Pointer: &s, Any: s,
	}
	h.inner.deep = &s
	return h
}

func wantHidden(t *testing.T, what, got string, shown bool) {
	t.Helper()
	for _, leak := range []string{hush, hush[:6], fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), fmt.Sprint([]byte(hush))} {
		if strings.Contains(got, leak) {
			t.Errorf("%s leaks: %s", what, got)
		}
	}
	if shown && !strings.Contains(got, "[redacted]") {
		t.Errorf("%s: %q does not say [redacted]", what, got)
	}
}

func TestSecretFmt(t *testing.T) {
	s, h := stytch.NewSecret(hush), newHolder()
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %b %o %O %c %U %e %g %20s %-20v %.3s %08x %#x %w %z") {
		if got := fmt.Sprintf(verb, s); got != "[redacted]" && verb != "%w" {
			t.Errorf("%s: %q", verb, got)
		}
		wantHidden(t, verb, fmt.Sprintf(verb, s), false)
		wantHidden(t, verb+" in a struct", fmt.Sprintf(verb, h), verb != "%w")
		wantHidden(t, verb+" behind a pointer", fmt.Sprintf(verb, &h), verb != "%w")
		wantHidden(t, verb+" of a pointer", fmt.Sprintf(verb, &s), verb != "%w")
	}
	for _, verb := range []string{"%p", "%T", "%!", "%[2]v", ""} {
		wantHidden(t, verb, fmt.Sprintf(verb, s), false)
		wantHidden(t, verb, fmt.Sprintf(verb, h), false)
	}
	wantHidden(t, "Errorf", fmt.Errorf("%w", fmt.Errorf("%v", h)).Error(), true)
	wantHidden(t, "Sprint", fmt.Sprint(s, h), true)
	wantHidden(t, "panic", fmt.Sprint(func() (r any) {
		defer func() { r = recover() }()
		panic(h)
	}()), true)
}

func TestSecretMarshal(t *testing.T) {
	s, h := stytch.NewSecret(hush), newHolder()
	encode := map[string]func(any) ([]byte, error){
		"encoding/json": json.Marshal,
		"json v2":       func(v any) ([]byte, error) { return jsonv2.Marshal(v) },
	}
	for name, marshal := range encode {
		for _, v := range []any{s, &s, h, &h, map[string]any{"a": s}, map[stytch.Secret]int{s: 1}} {
			text, err := marshal(v)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			wantHidden(t, name, string(text), true)
		}
	}
	text, err := xml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	wantHidden(t, "encoding/xml", string(text), true)

	var out bytes.Buffer
	if err := template.Must(template.New("").Parse("{{.}} {{.Exported}}")).Execute(&out, h); err != nil {
		t.Fatal(err)
	}
	wantHidden(t, "text/template", out.String(), true)
}

func TestSecretSlog(t *testing.T) {
	s, h := stytch.NewSecret(hush), newHolder()
	var out bytes.Buffer
	for name, handler := range map[string]slog.Handler{
		"text": slog.NewTextHandler(&out, nil), "JSON": slog.NewJSONHandler(&out, nil),
	} {
		for _, v := range []any{s, &s, h, &h, slog.GroupValue(slog.Any("s", s)), errors.New(fmt.Sprint(s))} {
			out.Reset()
			slog.New(handler).Info("m", "key", v)
			wantHidden(t, name, out.String(), true)
		}
	}
}

func TestSecretText(t *testing.T) {
	var s stytch.Secret
	if !s.IsZero() || s.Reveal() != "" || fmt.Sprint(s) != "[redacted]" {
		t.Error("the zero Secret is not as told")
	}
	if err := json.Unmarshal([]byte(`"`+hush+`"`), &s); err != nil || s.Reveal() != hush {
		t.Errorf("Unmarshal: %v, %q", err, s.Reveal())
	}
	if err := json.Unmarshal([]byte(`"[redacted]"`), &s); err == nil || !strings.Contains(err.Error(), "an encoder has hidden it") {
		t.Errorf("[redacted] is taken for a secret: %v", err)
	}
	if s.Reveal() != hush {
		t.Error("a failed Unmarshal changed the secret")
	}
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.TextVar(&s, "secret", stytch.Secret{}, "")
	if err := f.Parse([]string{"-secret", hush}); err != nil || s.Reveal() != hush {
		t.Errorf("flag: %v", err)
	}

	same := stytch.NewSecret(hush)
	if !s.Equal(same) || s.Equal(stytch.NewSecret("x")) || s.Equal(stytch.Secret{}) || !reflect.DeepEqual(s, same) {
		t.Error("Equal is wrong")
	}
	if !(stytch.NewSecret("").IsZero()) || s.IsZero() {
		t.Error("IsZero is wrong")
	}
}
