//go:build !windows

package token

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openSafely opens a file of the cache. It follows no symbolic link, which would
// lead to another file, and does not wait for the writer of a named pipe.
func openSafely(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
}

// isPrivate reports whether a file belongs to the user, and nobody else can read
// or write it. Root could read a file that another user has planted.
func isPrivate(f *os.File) bool {
	var s unix.Stat_t
	return unix.Fstat(int(f.Fd()), &s) == nil && s.Mode&unix.S_IFMT == unix.S_IFREG && s.Mode&0o077 == 0 && int(s.Uid) == os.Geteuid()
}

// tryLock reports whether it locked f.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}
