package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	maxToken  = 8 << 10 // bytes: a verifier's default
	maxInput  = 1 << 20 // bytes: what is read
	maxKeySet = 4 << 20 // bytes: what a verifier admits at most
)

// readToken reads the token from -token-file or standard input. White space
// around it is not part of it, nor is the scheme that it may have been copied
// with. Of a very long input there is only a part, which is too long as well.
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

// fileFetcher reads the key set from a file.
func fileFetcher(name string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("-jwks-file: %w", withoutPath(err))
		}
		defer f.Close()
		doc, err := io.ReadAll(io.LimitReader(f, maxKeySet))
		return doc, withoutPath(err)
	}
}

// withoutPath leaves the name of the file out, which might be a token in the
// wrong place.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
