package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxEntry     = 1 << 20          // bytes of a file
	expiryMargin = 10 * time.Second // that a printed token is good for at least
	lockPoll     = 20 * time.Millisecond
)

// cache keeps one token in a file. Several processes may share it.
type cache struct{ path string }

// entry is the content of the file.
type entry struct {
	AccessToken string    `json:"access_token"`
	FetchedAt   time.Time `json:"fetched_at"`
	RefreshAt   time.Time `json:"refresh_at"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// newEntry returns the entry of a token that was fetched now. It is replaced when
// a fifth of its time is left.
func newEntry(token *oauth2.Token, now time.Time, maxAge time.Duration) entry {
	end := token.Expiry
	if maxAge > 0 && (end.IsZero() || now.Add(maxAge).Before(end)) {
		end = now.Add(maxAge)
	}
	return entry{AccessToken: token.AccessToken, FetchedAt: now, RefreshAt: now.Add(end.Sub(now) / 5 * 4), ExpiresAt: end}
}

// openCache returns the cache for identity in folder, or in the user's cache
// folder if folder is "". It creates the folder.
func openCache(folder string, identity []string) (*cache, error) {
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, errors.New("there is no cache folder, because neither HOME nor XDG_CACHE_HOME is set: want -cache")
		}
		folder = filepath.Join(user, "m2mauth", "tokens")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the cache folder can't be created: %w", errors.Unwrap(err))
	}
	text, err := json.Marshal(identity)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return &cache{path: filepath.Join(folder, hex.EncodeToString(sum[:16])+".json")}, nil
}

// load returns the entry if its token is still good. Files of other users, and
// files that others could read or write, are ignored, and so are symbolic links and
// malformed files: a new token replaces them.
func (c *cache) load(now time.Time) (entry, bool) {
	f, err := openSafely(c.path, os.O_RDONLY)
	if err != nil {
		return entry{}, false
	}
	defer f.Close()
	if !isPrivate(f) {
		return entry{}, false
	}
	text, err := io.ReadAll(io.LimitReader(f, maxEntry))
	var e entry
	if err != nil || json.Unmarshal(text, &e) != nil || e.AccessToken == "" {
		return entry{}, false
	}
	// A clock that was set back would keep a token too long.
	if now.Before(e.FetchedAt) || !now.Before(e.ExpiresAt.Add(-expiryMargin)) {
		return entry{}, false
	}
	return e, true
}

// save replaces the file in one step, so that no process reads half of it.
func (c *cache) save(e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), "new-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// lock waits until no other process fetches this token.
func (c *cache) lock(ctx context.Context) (unlock func(), err error) {
	f, err := openSafely(c.path+".lock", os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := tryLock(f)
		if locked {
			return func() { f.Close() }, nil // which unlocks
		}
		if err == nil {
			err = sleep(ctx, lockPoll)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
}
