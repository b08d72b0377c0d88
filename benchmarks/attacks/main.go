// Command attacks puts the attacks of package m2mtest/attack to the same service behind
// m2mauth and behind its peers, and writes ATTACKS.md and attacks.svg:
//
//	go run ./attacks
//
// The result does not depend on the machine.
package main

import (
	"fmt"
	"os"
)

func main() {
	all := attackAll()
	must(0, os.WriteFile("ATTACKS.md", []byte(document(all)), 0o644))
	must(0, os.WriteFile("attacks.svg", []byte(chart(all)), 0o644))
	fmt.Fprintln(os.Stderr, "ATTACKS.md and attacks.svg are written")
}
