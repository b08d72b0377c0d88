//go:build !windows

package token

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPlantedFiles: a file that somebody else put into the folder is not read, not
// followed and not waited for.
func TestPlantedFiles(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(path string) error
	}{
		{"a link to a good file", func(path string) error {
			if err := os.Rename(path, path+".good"); err != nil {
				return err
			}
			return os.Symlink(path+".good", path)
		}},
		{"a named pipe", func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return unix.Mkfifo(path, 0o600)
		}},
		{"another user's", func(path string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			return os.Chown(path, 12345, -1)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, folder := newEndpoint(t), t.TempDir()
			args := e.flags(t, folder)
			wantRun(t, args, exitPrinted, "token-1\n")
			if err := tt.plant(file(t, folder)); err != nil {
				t.Fatal(err)
			}
			wantRun(t, args, exitPrinted, "token-2\n")
			wantRun(t, args, exitPrinted, "token-2\n") // replaced
		})
	}
}

// TestPlantedLock: a link in place of the lock creates no file elsewhere.
func TestPlantedLock(t *testing.T) {
	e, folder, elsewhere := newEndpoint(t), t.TempDir(), filepath.Join(t.TempDir(), "x")
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	path := file(t, folder)
	lock := path + ".lock"
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, lock); err != nil {
		t.Fatal(err)
	}
	wantRun(t, args, exitPrinted, "token-2\n")
	if _, err := os.Lstat(elsewhere); err == nil {
		t.Errorf("%s was created", elsewhere)
	}
}
