package tokensource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// maxFile bounds the files that are read: credentials are small.
const maxFile = 64 << 10

// readFile returns the content of a file. Its errors begin with the path, which is
// redacted: a misplaced secret may stand there.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	text, err := outbound.ReadBody(f, maxFile)
	if err != nil {
		return nil, fileError(path, err)
	}
	return text, nil
}

// readLine returns the text of a file without the line break at its end.
func readLine(path string) (string, error) {
	text, err := readFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// fileError returns err, without the path in its text, after the redacted path.
func fileError(path string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", redact.Quote(path), err)
}

func checkPath(name, path string) error {
	if path == "" {
		return fmt.Errorf("%s: the path is empty", name)
	}
	return nil
}
