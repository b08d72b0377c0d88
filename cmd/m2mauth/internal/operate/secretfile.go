package operate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/m2mauth/m2mauth/stytch"
)

// ReadSecret reads a file, without the line break at its end. flag is the name of
// the flag. The error does not repeat the path, because a misplaced secret may stand
// there.
func ReadSecret(flag, path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", withoutPath(flag, err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s: the file is empty", flag)
	}
	return secret, nil
}

func withoutPath(flag string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// SecretFile is a new file that only its owner can read, for a secret that does not
// exist yet. It is made first, because a secret that can't be stored is lost: Stytch
// shows it once.
type SecretFile struct {
	flag string
	file *os.File
}

// CreateSecretFile creates the file with mode 0600. It overwrites nothing and follows
// no symbolic link. An empty file is replaced: an interrupted run leaves one.
func CreateSecretFile(flag, path string) (*SecretFile, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		if err := os.Remove(path); err != nil {
			return nil, withoutPath(flag, err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s: the file exists, and is not overwritten: name another one", flag)
	}
	if err != nil {
		return nil, withoutPath(flag, err)
	}
	return &SecretFile{flag, f}, nil
}

// Store writes the secret and waits until it is on disk.
func (s *SecretFile) Store(secret stytch.Secret) error {
	_, err := s.file.WriteString(secret.Reveal() + "\n")
	if err := errors.Join(err, s.file.Sync(), s.file.Close()); err != nil {
		return withoutPath(s.flag, err)
	}
	syncFolder(filepath.Dir(s.file.Name()))
	return nil
}

// Discard removes the file, which is still empty.
func (s *SecretFile) Discard() {
	s.file.Close()
	os.Remove(s.file.Name())
}

// WriteFile replaces a file with mode 0600 at once: a crash leaves the old content or
// the new one.
func WriteFile(flag, path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".m2mauth-*") // 0600
	if err != nil {
		return withoutPath(flag, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return withoutPath(flag, err)
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// syncFolder makes a new name durable, where the system can do that.
func syncFolder(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
