package authority

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// store stores the authority's records in a bbolt file. Each Save is one
// transaction: it is on disk when Save returns, and a crash never leaves half of
// it.
type store struct{ db *bbolt.DB }

const (
	recordsBucket = "records"
	projectBucket = "project"
	secretKey     = "secret"
)

// openStore opens or creates the file. Only its owner may read it, because it holds
// signing keys.
func openStore(path string) (*store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use by another authority", redact.Text(path))
	}
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err // without the path, which may be a secret in the wrong flag
		}
		return nil, fmt.Errorf("%s: %w", redact.Text(path), err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{recordsBucket, projectBucket} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", redact.Text(path), err)
	}
	return &store{db}, nil
}

func (s *store) Close() error { return s.db.Close() }

// Load implements m2mtest.Store.
func (s *store) Load() (map[string][]byte, error) {
	records := map[string][]byte{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(recordsBucket)).ForEach(func(name, record []byte) error {
			records[string(name)] = append([]byte{}, record...) // bbolt's own is invalid after the transaction
			return nil
		})
	})
	return records, err
}

// Save implements m2mtest.Store.
func (s *store) Save(records map[string][]byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(recordsBucket))
		for name, record := range records {
			var err error
			if record == nil {
				err = b.Delete([]byte(name))
			} else {
				err = b.Put([]byte(name), record)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// secret returns the project's own secret, and creates it once. It is not hashed,
// because it is printed at every start.
func (s *store) secret() (secret string, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(projectBucket))
		if secret = string(b.Get([]byte(secretKey))); secret != "" {
			return nil
		}
		secret = "secret-test-" + rand.Text()
		return b.Put([]byte(secretKey), []byte(secret))
	})
	return secret, err
}
