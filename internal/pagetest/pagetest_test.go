// Package pagetest looks at the status page in Chromium. The script run installs
// what it needs and starts it.
package pagetest

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/telemetry"
)

// TestInChromium shows the page of each world to Chromium, at the width of a phone
// and of a desktop, light and dark. look.mjs says what must hold. The pages come
// from virtual time, with the headers that the handler sent; the last one is live.
func TestInChromium(t *testing.T) {
	if os.Getenv("STATUS_PAGE") != "required" {
		t.Skip("run internal/pagetest/run: it needs Node, npm and Chromium")
	}
	mux := http.NewServeMux()
	pages := map[string]string{}
	for name, world := range worlds {
		var recorded *httptest.ResponseRecorder
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Date(2026, 11, 26, 9, 3, 0, 0, time.UTC)))
			recorded = record(t, world(t))
		})
		pages[name] = "/" + name
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			for key, values := range recorded.Header() {
				w.Header()[key] = values
			}
			w.Write(recorded.Body.Bytes())
		})
	}
	mux.Handle("/live", live(t))
	pages["live"] = "/live"

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l)
	defer server.Close()
	arg, _ := json.Marshal(map[string]any{"base": "http://" + l.Addr().String(), "pages": pages, "mark": mark, "pictures": os.Getenv("PICTURES")})
	cmd := exec.Command("node", "look.mjs", string(arg))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("look.mjs: %v", err)
	}
}

// record returns the response of a page.
func record(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	time.Sleep(10 * time.Second)
	r := httptest.NewRequest("GET", "http://localhost/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("GET = %d %s", w.Code, w.Body)
	}
	return w
}

// live returns the handler of a service in real time.
func live(t *testing.T) http.Handler {
	_, v := m2mtest.Trust(t, nil)
	h, err := telemetry.Status(telemetry.StatusConfig{Verifier: v, Recent: new(telemetry.Recent)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
