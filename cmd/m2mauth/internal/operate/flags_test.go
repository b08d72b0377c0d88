package operate

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

// TestParse: each mistake names its flag, and no value is repeated.
func TestParse(t *testing.T) {
	const secret = "for flag -n: correcthorse"
	for _, tt := range []struct {
		name string
		args []string
		want string // "" for none
	}{
		{"good", []string{"-s", secret, "-n", "1s", "-b"}, ""},
		{"help", []string{"-help"}, "help"},
		{"unknown", []string{"-" + secret}, "a flag is unknown"},
		{"a malformed duration", []string{"-n", secret}, "-n has a malformed value"},
		{"a malformed boolean", []string{"-b=" + secret}, "-b has a malformed value"},
		{"no value", []string{"-s"}, "-s lacks its value"},
		{"an argument", []string{"-b", secret}, "unexpected argument"},
		{"a flag after an argument", []string{secret, "-b"}, "unexpected argument"},
	} {
		fs := flag.NewFlagSet("x", flag.ContinueOnError)
		fs.String("s", "", "")
		fs.Duration("n", time.Second, "")
		fs.Bool("b", false, "")
		err := Parse(fs, tt.args)
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Parse(%s) = %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "horse") {
			t.Errorf("Parse(%s) = %v, which holds the value", tt.name, err)
		}
		if (tt.want == "help") != errors.Is(err, ErrHelp) {
			t.Errorf("Parse(%s) = %v, want ErrHelp: %t", tt.name, err, tt.want == "help")
		}
	}
}

func TestNoneEmpty(t *testing.T) {
	fs := flag.NewFlagSet("x", flag.ContinueOnError)
	for _, name := range []string{"a", "b", "c", "d"} {
		fs.String(name, "", "")
	}
	if err := Parse(fs, []string{"-a", "", "-b=", "-c", "x"}); err != nil {
		t.Fatal(err)
	}
	const want = "-a is empty: leave it out, or is a variable unset?\n-b is empty: leave it out, or is a variable unset?"
	if err := NoneEmpty(fs); err == nil || err.Error() != want {
		t.Errorf("NoneEmpty() = %v, want %s", err, want)
	}
}
