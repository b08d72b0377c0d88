package tokensource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// Credentials authenticate the client at its authority. [Secret], [SecretFunc],
// [SecretFile], [SecretEnv], [PrivateKeyJWT], [Certificate], [ClientAssertion]
// and [JWTBearer] are Credentials; other packages can't implement the interface.
// They are read again for each fetch, and once more when the authority refused
// them, so that rotated credentials are used without a restart.
type Credentials interface {
	// ClientAuth is for the packages of this module.
	ClientAuth() clientauth.Method
}

// credentials hides a method from fmt and the encoders.
type credentials struct{ method clientauth.Method }

func (c credentials) ClientAuth() clientauth.Method { return c.method }

// Secret returns Credentials that never change.
func Secret(clientID, secret string) Credentials {
	return credentials{checked{
		Method: clientauth.Secret(func(context.Context) (string, string, error) { return clientID, secret, nil }),
		check: func() error {
			if clientID == "" || secret == "" {
				return errors.New("Credentials: Secret has an empty client ID or secret")
			}
			return nil
		},
	}}
}

// SecretFunc returns Credentials that f supplies, from a vault for example. f
// must return when its context ends, after Config.Timeout at the latest.
func SecretFunc(f func(context.Context) (clientID, secret string, err error)) Credentials {
	return credentials{clientauth.Secret(f)}
}

// SecretEnv returns the Credentials in two environment variables. New fails if
// one of them is empty.
func SecretEnv(clientIDVariable, secretVariable string) Credentials {
	read := func() (id, secret string, err error) {
		id, secret = os.Getenv(clientIDVariable), os.Getenv(secretVariable)
		var empty []string
		if id == "" {
			empty = append(empty, redact.Quote(clientIDVariable))
		}
		if secret == "" {
			empty = append(empty, redact.Quote(secretVariable))
		}
		if empty != nil {
			err = fmt.Errorf("the environment has no %s", strings.Join(empty, " and no "))
		}
		return id, secret, err
	}
	return credentials{checked{
		Method: clientauth.Secret(func(context.Context) (string, string, error) { return read() }),
		check: func() error {
			if _, _, err := read(); err != nil {
				return fmt.Errorf("Credentials: %w", err)
			}
			return nil
		},
	}}
}

// SecretFile returns the Credentials stored at path: in a folder with the files
// client_id and client_secret, as Kubernetes mounts a Secret, or in a file with a
// JSON object of these two members. A line break at the end of either is not part
// of it. They are read for each fetch, so that a change needs no restart.
func SecretFile(path string) Credentials {
	return credentials{checked{
		Method: clientauth.Secret(func(context.Context) (string, string, error) { return readSecret(path) }),
		check:  func() error { return checkPath("SecretFile", path) },
	}}
}

func readSecret(path string) (id, secret string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", fmt.Errorf("SecretFile: %w", fileError(path, err))
	}
	if info.IsDir() {
		id, err = readLine(filepath.Join(path, "client_id"))
		if err != nil {
			return "", "", fmt.Errorf("SecretFile: %w", err)
		}
		if secret, err = readLine(filepath.Join(path, "client_secret")); err != nil {
			return "", "", fmt.Errorf("SecretFile: %w", err)
		}
		return id, secret, nil
	}
	text, err := readFile(path)
	if err != nil {
		return "", "", fmt.Errorf("SecretFile: %w", err)
	}
	obj, err := strictjson.Parse(string(text), responseLimits, nil)
	if err != nil {
		return "", "", fmt.Errorf("SecretFile: %w", fileError(path, err))
	}
	return textMember(obj, "client_id"), textMember(obj, "client_secret"), nil
}

// checked adds a check to a method.
type checked struct {
	clientauth.Method
	check func() error
}

func (c checked) Check(s clientauth.Server) error {
	return errors.Join(c.Method.Check(s), c.check())
}
