// Command saas is a small SaaS whose customers manage the clients of their own machines. It
// has a page and a JSON API for people, a token endpoint at its own URL in front of Stytch,
// and a guarded API for machines that knows the tenant of each call.
//
//	go -C examples/saas run . [-addr 127.0.0.1:8090]
//
// It needs no account: an authority in the process plays Stytch. Ann of Acme and Bob of
// Globex sign in without a password.
package main

import (
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8090", "the address to listen at")
	flag.Parse()
	folder := must(os.MkdirTemp("", "saas-")) // with Stytch: a folder that stays
	url := "http://" + *addr                  // in production: https://app.example.com
	handler, _ := newSaaS(url, filepath.Join(folder, "index.db"), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	fmt.Println("Open " + url + "/account/")
	log.Fatal((&http.Server{Addr: *addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}).ListenAndServe())
}
