package jwks

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	monday  = "Mon, 02 Jan 2006 15:04:05 GMT"
	later   = "Mon, 02 Jan 2006 15:14:05 GMT" // by ten minutes
	earlier = "Mon, 02 Jan 2006 15:03:05 GMT"
)

func TestFreshness(t *testing.T) {
	type h = http.Header
	tests := []struct {
		name   string
		header h
		want   time.Duration
	}{
		{"nothing", h{}, 0},
		{"max-age", h{"Cache-Control": {"max-age=300"}}, 300 * time.Second},
		{"among others", h{"Cache-Control": {"public, max-age=300, must-revalidate"}}, 300 * time.Second},
		{"in another line", h{"Cache-Control": {"public", "max-age=300"}}, 300 * time.Second},
		{"in another case", h{"Cache-Control": {"Max-Age=300"}}, 300 * time.Second},
		{"quoted (RFC 9111 §5.2)", h{"Cache-Control": {`max-age="300"`}}, 300 * time.Second},
		{"with white space", h{"Cache-Control": {" max-age = 300 ,"}}, 300 * time.Second},
		{"not that of shared caches", h{"Cache-Control": {"s-maxage=300"}}, 0},
		{"nor of a stale answer", h{"Cache-Control": {"stale-if-error=300, stale-while-revalidate=300"}}, 0},
		{"twice: the shorter", h{"Cache-Control": {"max-age=300, max-age=60"}}, time.Minute},
		{"twice, the other way round", h{"Cache-Control": {"max-age=60", "max-age=300"}}, time.Minute},
		{"0", h{"Cache-Control": {"max-age=0"}}, 0},
		{"0 and another", h{"Cache-Control": {"max-age=300, max-age=0"}}, 0},
		{"no-store", h{"Cache-Control": {"max-age=300, no-store"}}, 0},
		{"no-cache", h{"Cache-Control": {"no-cache", "max-age=300"}}, 0},
		{"no-store, in spite of Expires", h{"Cache-Control": {"no-store"}, "Date": {monday}, "Expires": {later}}, 0},
		{"negative", h{"Cache-Control": {"max-age=-1"}}, 0},
		{"with a sign", h{"Cache-Control": {"max-age=+300"}}, 0},
		{"a fraction", h{"Cache-Control": {"max-age=300.5"}}, 0},
		{"hexadecimal", h{"Cache-Control": {"max-age=0x12c"}}, 0},
		{"digits around something", h{"Cache-Control": {"max-age=3e3"}}, 0},
		{"no argument", h{"Cache-Control": {"max-age"}}, 0},
		{"empty argument", h{"Cache-Control": {"max-age="}}, 0},
		{"malformed, then good", h{"Cache-Control": {"max-age=x, max-age=60"}}, time.Minute},
		{"malformed: Expires decides", h{"Cache-Control": {"max-age=x"}, "Date": {monday}, "Expires": {later}}, 10 * time.Minute},
		{"more than can be counted", h{"Cache-Control": {"max-age=99999999999999999999"}}, (1 << 31) * time.Second},
		{"2^31", h{"Cache-Control": {"max-age=2147483648"}}, (1 << 31) * time.Second},

		{"Expires", h{"Date": {monday}, "Expires": {later}}, 10 * time.Minute},
		{"Expires beside max-age", h{"Cache-Control": {"max-age=60"}, "Date": {monday}, "Expires": {later}}, time.Minute},
		{"Expires in the past", h{"Date": {monday}, "Expires": {earlier}}, 0},
		{"Expires at once", h{"Date": {monday}, "Expires": {monday}}, 0},
		{"Expires 0", h{"Date": {monday}, "Expires": {"0"}}, 0},
		{"Expires without Date", h{"Expires": {later}}, 0},
		{"Expires with a malformed Date", h{"Date": {"now"}, "Expires": {later}}, 0},
		{"Expires at the end of time", h{"Date": {"Mon, 01 Jan 0001 00:00:00 GMT"}, "Expires": {"Fri, 31 Dec 9999 23:59:59 GMT"}}, 1<<63 - 1},

		{"Age", h{"Cache-Control": {"max-age=300"}, "Age": {"100"}}, 200 * time.Second},
		{"Age with Expires", h{"Date": {monday}, "Expires": {later}, "Age": {"60"}}, 9 * time.Minute},
		{"Age 0", h{"Cache-Control": {"max-age=300"}, "Age": {"0"}}, 300 * time.Second},
		{"Age of all of it", h{"Cache-Control": {"max-age=300"}, "Age": {"300"}}, time.Second},
		{"Age of more", h{"Cache-Control": {"max-age=300"}, "Age": {"99999999999999999999"}}, time.Second},
		{"Age without a lifetime", h{"Age": {"100"}}, 0},
		{"Age with no-store", h{"Cache-Control": {"no-store"}, "Age": {"100"}}, 0},
		{"Age malformed", h{"Cache-Control": {"max-age=300"}, "Age": {"-100"}}, 300 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := freshness(tt.header); got != tt.want {
				t.Errorf("freshness %v, want %v", got, tt.want)
			}
		})
	}
}

// TestFreshnessCost checks that a header of twice the length costs at most
// twice as much.
func TestFreshnessCost(t *testing.T) {
	for _, unit := range []string{",", "=", `"`, "max-age=1,", "MAX-AGE=1,", "x=\",", " ,\t"} {
		cost := func(length int) float64 {
			h := http.Header{"Cache-Control": {strings.Repeat(unit, length/len(unit))}}
			return testing.AllocsPerRun(5, func() { freshness(h) })
		}
		if once, twice := cost(16<<10), cost(32<<10); twice > 2*once+2 {
			t.Errorf("%q: %v allocations, %v for twice as much of it", unit, once, twice)
		}
	}
}

// FuzzFreshness checks that the lifetime is never negative, and that a
// repeated header changes nothing.
func FuzzFreshness(f *testing.F) {
	f.Add("max-age=300", "", "", "")
	f.Add("public, MAX-AGE=\"9999999999\"", later, monday, "100")
	f.Add("max-age=1, no-store", later, monday, "-1")
	f.Add("", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "4294967296")
	f.Fuzz(func(t *testing.T, cacheControl, expires, date, age string) {
		h := http.Header{"Cache-Control": {cacheControl}, "Expires": {expires}, "Date": {date}, "Age": {age}}
		lifetime := freshness(h)
		if lifetime < 0 {
			t.Errorf("%v", lifetime)
		}
		h["Cache-Control"] = []string{cacheControl, cacheControl}
		if twice := freshness(h); twice != lifetime {
			t.Errorf("%v, and said twice: %v", lifetime, twice)
		}
	})
}
