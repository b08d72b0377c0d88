package m2mtest

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Store keeps an authority's clients and signing keys as records: opaque bytes
// by name. The authority reads it once, and then works from memory. A Store must
// be safe for concurrent use. Records contain private keys, and hashes of
// secrets.
type Store interface {
	// Load returns all records.
	Load() (map[string][]byte, error)

	// Save sets records, and removes those that are nil. It does so for all of
	// them, or for none and returns an error. After it returns nil, the records
	// survive a crash.
	Save(records map[string][]byte) error
}

// NewMemoryStore returns a Store in memory, to test restarts within a process.
// It is safe for concurrent use.
func NewMemoryStore() Store { return &memoryStore{records: map[string][]byte{}} }

type memoryStore struct {
	mu      sync.Mutex
	records map[string][]byte
}

func (s *memoryStore) Load() (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.records), nil
}

func (s *memoryStore) Save(records map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, record := range records {
		if record == nil {
			delete(s.records, name)
			continue
		}
		s.records[name] = bytes.Clone(record)
	}
	return nil
}

// The names of records.
const (
	clientRecordPrefix = "client/"
	sequenceRecord     = "sequence" // the last assigned position in searches
	keysRecord         = "keys"
)

// savedClient is the record of a client.
type savedClient struct {
	Client   stytchwire.Client `json:"client"`
	Secret   savedHash         `json:"secret"`
	Next     savedHash         `json:"next"`
	Imported bool              `json:"imported"`
	Seq      uint64            `json:"seq"`
}

type savedHash struct {
	Salt []byte `json:"salt"`
	Sum  []byte `json:"sum"`
}

func (h *secretHash) saved() savedHash {
	if !h.set {
		return savedHash{}
	}
	return savedHash{h.salt[:], h.sum[:]}
}

func (h savedHash) hash() secretHash {
	var r secretHash
	if len(h.Salt) == len(r.salt) && len(h.Sum) == len(r.sum) {
		copy(r.salt[:], h.Salt)
		copy(r.sum[:], h.Sum)
		r.set = true
	}
	return r
}

// savedKeys is the record of the keys.
type savedKeys struct {
	Published []savedKey `json:"published"`
	Signer    savedKey   `json:"signer"`
}

type savedKey struct {
	ID        string `json:"id"`
	Algorithm string `json:"alg"`
	PKCS8     []byte `json:"pkcs8"`
}

// save writes the record of a client. The caller holds mu.
func (s *clientStore) save(c *client, last uint64) *apiError {
	if s.store == nil {
		return nil
	}
	record, err := json.Marshal(savedClient{c.Client, c.secret.saved(), c.next.saved(), c.imported, c.seq})
	if err == nil {
		err = s.store.Save(map[string][]byte{
			clientRecordPrefix + c.ClientID: record,
			sequenceRecord:                  fmt.Append(nil, last),
		})
	}
	return unsaved(err)
}

// forget removes the record of a client. The caller holds mu.
func (s *clientStore) forget(id string) *apiError {
	if s.store == nil {
		return nil
	}
	return unsaved(s.store.Save(map[string][]byte{clientRecordPrefix + id: nil}))
}

func unsaved(err error) *apiError {
	if err == nil {
		return nil
	}
	return &apiError{500, stytchwire.TypeInternal, "The authority could not save the change."}
}

// save writes the record of the keys. The caller holds mu. It panics if that
// fails: there is no response that could report it.
func (r *keyRing) save() {
	if r.store == nil {
		return
	}
	var all savedKeys
	var err error
	for _, p := range r.published {
		all.Published = append(all.Published, saveKey(p.key, &err))
	}
	all.Signer = saveKey(r.signer, &err)
	record, marshalErr := json.Marshal(all)
	if err = errors.Join(err, marshalErr); err == nil {
		err = r.store.Save(map[string][]byte{keysRecord: record})
	}
	if err != nil {
		panic(fmt.Sprintf("m2mtest: can't save the signing keys: %v", err))
	}
}

func saveKey(k *Key, failed *error) savedKey {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		*failed = err
	}
	return savedKey{k.ID, k.Algorithm, der}
}

func (k savedKey) key() (*Key, error) {
	private, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("key %q can't sign", k.ID)
	}
	return &Key{ID: k.ID, Algorithm: k.Algorithm, Private: signer}, nil
}

// load reads the records of store, and saves every later change to it.
func (a *Authority) load(store Store) error {
	if store == nil {
		return nil
	}
	records, err := store.Load()
	if err != nil {
		return err
	}
	for name, record := range records {
		if strings.HasPrefix(name, clientRecordPrefix) {
			if err := a.clients.restore(record); err != nil {
				return fmt.Errorf("record %q: %w", name, err)
			}
		}
	}
	slices.SortFunc(a.clients.all, func(x, y *client) int { return cmp.Compare(x.seq, y.seq) })
	if text, ok := records[sequenceRecord]; ok {
		if _, err := fmt.Sscan(string(text), &a.clients.last); err != nil {
			return fmt.Errorf("record %q: %w", sequenceRecord, err)
		}
	}
	if record, ok := records[keysRecord]; ok {
		if err := a.keys.restore(record); err != nil {
			return fmt.Errorf("record %q: %w", keysRecord, err)
		}
	}
	a.clients.store, a.keys.store = store, store
	return nil
}

func (s *clientStore) restore(record []byte) error {
	var saved savedClient
	if err := unmarshal(record, &saved); err != nil {
		return err
	}
	s.all = append(s.all, &client{saved.Client, saved.Secret.hash(), saved.Next.hash(), saved.Imported, saved.Seq})
	return nil
}

func (r *keyRing) restore(record []byte) error {
	var saved savedKeys
	if err := unmarshal(record, &saved); err != nil {
		return err
	}
	for _, s := range saved.Published {
		k, err := s.key()
		if err != nil {
			return err
		}
		r.publish(k, false)
	}
	signer, err := saved.Signer.key()
	if err != nil {
		return err
	}
	r.signer = signer
	if r.first == "" {
		r.first = signer.Algorithm
	}
	return nil
}
