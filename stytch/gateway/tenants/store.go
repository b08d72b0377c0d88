package tenants

import (
	"bytes"
	"context"
	"sync"
)

// Store keeps one record for each tenant. Stytch can't search clients by their owner, so
// the record says which clients to ask it for. It also makes replicas wait for each
// other. It grants nothing: what Stytch says decides.
//
// A Store that has lost its records is filled again by [Tenants.Rebuild].
type Store interface {
	// Update replaces the record of a tenant by what change returns, and returns after
	// it is stored. old is nil if there is no record yet. No other Update of the tenant,
	// at any replica, happens in between. If change returns an error, Update stores
	// nothing and returns that error.
	//
	// change does no I/O and may be called several times, for example after a
	// conflict. A record needs about 250 bytes for each client. It holds no secret.
	Update(ctx context.Context, tenant string, change func(old []byte) ([]byte, error)) error
}

// MemoryStore is a Store in memory, for tests and for a single process that calls
// [Tenants.Rebuild] when it starts. The zero value is empty. It is safe for concurrent
// use.
type MemoryStore struct {
	mu      sync.Mutex
	records map[string][]byte
}

// Update implements [Store].
func (s *MemoryStore) Update(ctx context.Context, tenant string, change func([]byte) ([]byte, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := change(bytes.Clone(s.records[tenant]))
	if err != nil {
		return err
	}
	if s.records == nil {
		s.records = make(map[string][]byte)
	}
	s.records[tenant] = bytes.Clone(record)
	return nil
}
