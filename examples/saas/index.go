package main

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// index keeps the records of package tenants in a bbolt file. With several replicas, use a
// database that they share.
type index struct{ db *bbolt.DB }

func openIndex(path string) *index {
	return &index{must(bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second}))}
}

// Update implements tenants.Store. bbolt runs one Update at a time.
func (i *index) Update(_ context.Context, tenant string, change func([]byte) ([]byte, error)) error {
	return i.db.Update(func(tx *bbolt.Tx) error {
		records, err := tx.CreateBucketIfNotExists([]byte("tenants"))
		if err != nil {
			return err
		}
		record, err := change(records.Get([]byte(tenant)))
		if err != nil {
			return err
		}
		return records.Put([]byte(tenant), record)
	})
}
