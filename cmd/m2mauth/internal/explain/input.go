package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	maxInput  = 1 << 20 // bytes that are read
	maxKeySet = 4 << 20 // bytes: a verifier's maximum
)

// readToken reads the token from -token-file or standard input. It removes white
// space around the token, and a scheme before it. It returns only the beginning of
// a very long input, which is too long for a token as well.
func (o *options) readToken(stdin io.Reader) (string, error) {
	if o.tokenFile != "" {
		f, err := os.Open(o.tokenFile)
		if err != nil {
			return "", fmt.Errorf("-token-file: %w", withoutPath(err))
		}
		defer f.Close()
		stdin = f
	}
	b, err := io.ReadAll(io.LimitReader(stdin, maxInput))
	if err != nil {
		return "", fmt.Errorf("the token can't be read: %w", withoutPath(err))
	}
	token := strings.Trim(string(b), " \t\r\n")
	const scheme = "Bearer "
	if len(token) > len(scheme) && strings.EqualFold(token[:len(scheme)], scheme) {
		token = strings.TrimLeft(token[len(scheme):], " ")
	}
	if token == "" {
		return "", errors.New("there is no token: write it to standard input, or name its file with -token-file")
	}
	return token, nil
}

// fileFetcher returns a function that reads the key set from a file. where names the
// flag or the member with its name.
func fileFetcher(where, name string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, withoutPath(err))
		}
		defer f.Close()
		doc, err := io.ReadAll(io.LimitReader(f, maxKeySet))
		return doc, withoutPath(err)
	}
}

// withoutPath returns err without the file's name, which may be a misplaced token.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
