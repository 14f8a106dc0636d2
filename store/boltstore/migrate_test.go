package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func TestAFileOfTheFirstSchemaIsBroughtUpToDate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	old, err := openBolt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = old.Update(func(b *bolt.Tx) error {
		return errors.Join(makeBuckets(b, 1), b.DeleteBucket(bucketNames[bDuplicate]))
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, created, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix), Queue: store.QueueCommands}); err != nil || !created {
		t.Errorf("submit: got created %v, error %v, want a new job", created, err)
	}
	err = db.view(t.Context(), func(x *tx) error {
		for b, name := range bucketNames {
			if x.bolt.Bucket(name) == nil {
				t.Errorf("got no bucket %s (%d), want all of them", name, b)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".schema-1"); err != nil {
		t.Errorf("got %v, want a copy from before the migration", err)
	}
}
