package incident

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/stytch"
)

// distribute runs the operator's command by the shell. The secret is its standard
// input, without a line break, and is in no argument and no variable: others could see
// those. The command's output goes to out, without the secret.
func distribute(ctx context.Context, command, id string, secret stytch.Secret, out io.Writer) error {
	shell := []string{"/bin/sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1], command)
	cmd.Env = append(os.Environ(), "M2MAUTH_CLIENT_ID="+id)
	cmd.Stdin = strings.NewReader(secret.Reveal())
	filter := &filter{out: out, secret: secret.Reveal()}
	cmd.Stdout, cmd.Stderr = filter, filter
	cmd.WaitDelay = 5 * time.Second // for children that keep the output open
	err := cmd.Run()
	filter.flush()
	if err != nil {
		return fmt.Errorf("-distribute-with: the command has failed, so the secret does not count as distributed: %w", err)
	}
	return nil
}

// filter writes whole lines without the secret. exec calls Write from one goroutine,
// because standard output and standard error are the same.
type filter struct {
	out    io.Writer
	secret string
	line   []byte
	skip   bool // the rest of a line that is too long, which may hold a part of the secret
}

// longest is the longest line that is shown.
const longest = 16 << 10

func (f *filter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		if !f.skip {
			f.line = append(f.line, part...)
		}
		if len(f.line) > longest {
			f.line, f.skip = []byte("(a line that is too long)"), true
		}
		if ended {
			f.flush()
		}
		rest = after
	}
	return len(p), nil
}

func (f *filter) flush() {
	if len(f.line) > 0 {
		fmt.Fprintf(f.out, "     | %s\n", operate.Plain(outbound.WithoutSecrets(string(f.line), f.secret)))
	}
	f.line, f.skip = f.line[:0], false
}
