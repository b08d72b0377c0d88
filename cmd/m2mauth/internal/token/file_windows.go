package token

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// openSafely opens a file of the cache.
func openSafely(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// isPrivate reports whether f is a regular file: the rights of the folder protect
// it.
func isPrivate(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// tryLock reports whether it locked f.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
