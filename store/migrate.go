package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
)

// migration brings a file from one schema to the next, in one transaction.
type migration func(*bolt.Tx) error

// migrations[i] leads from schema i+1 to i+2. The newest schema is
// len(migrations)+1. Buckets that a schema adds are made after its step.
var migrations = []migration{
	func(*bolt.Tx) error { return nil }, // 2: duplicates that wait for their original
}

// migrate makes the buckets of a new file, and brings an older one up to date
// after copying it to path.schema-N. A newer file is refused.
func migrate(db *bolt.DB, path string, steps []migration, log *slog.Logger) error {
	newest := uint32(len(steps) + 1)
	schema, err := schemaOf(db)
	if err != nil {
		return err
	}
	switch {
	case schema == 0:
		return db.Update(func(t *bolt.Tx) error { return makeBuckets(t, newest) })
	case schema > newest:
		return api.Errorf(api.Conflict, "the database %s was written by a newer voxparse (schema %d, this one knows %d): install that version again",
			path, schema, newest)
	case schema == newest:
		return nil
	}
	backup := fmt.Sprintf("%s.schema-%d", path, schema)
	if err := copyBefore(db, backup); err != nil {
		return fmt.Errorf("copy database before migrating it: %w", err)
	}
	log.Info("migrating the database", "from", schema, "to", newest, "copy", backup)
	for ; schema < newest; schema++ {
		err := db.Update(func(t *bolt.Tx) error {
			if err := steps[schema-1](t); err != nil {
				return err
			}
			return makeBuckets(t, schema+1)
		})
		if err != nil {
			return fmt.Errorf("migrate database from schema %d: %w", schema, err)
		}
	}
	return nil
}

func schemaOf(db *bolt.DB) (schema uint32, err error) {
	err = db.View(func(t *bolt.Tx) error {
		b := t.Bucket(bucketNames[bMeta])
		if b == nil {
			return nil
		}
		v := b.Get(keySchema)
		if len(v) != 4 {
			return fmt.Errorf("read schema: %w", errRecord)
		}
		schema = binary.BigEndian.Uint32(v)
		return nil
	})
	return schema, err
}

func makeBuckets(t *bolt.Tx, schema uint32) error {
	for _, name := range bucketNames {
		if _, err := t.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return t.Bucket(bucketNames[bMeta]).Put(keySchema, binary.BigEndian.AppendUint32(nil, schema))
}

// partSuffix marks a copy that is not whole yet.
const partSuffix = ".part"

// copyBefore writes a whole copy, durable before it has its name.
func copyBefore(db *bolt.DB, to string) (err error) {
	tmp := to + partSuffix
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	err = db.View(func(t *bolt.Tx) error { _, err := t.WriteTo(f); return err })
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, to); err != nil {
		return err
	}
	return syncDir(to)
}

// A marker beside the database says that it is open. One that is there before
// we open it means that the last process did not close it.

func openMarker(path string) string { return path + ".open" }

func checkUnclean(ctx context.Context, path string, check func(context.Context, string) error) error {
	if check == nil {
		return nil
	}
	for _, name := range []string{openMarker(path), path} {
		_, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if err := probeLock(path); err != nil {
		return err
	}
	if err := check(ctx, path); err != nil {
		return fmt.Errorf("check database %s: %w", path, err)
	}
	return nil
}

func markOpen(path string) error {
	return os.WriteFile(openMarker(path), nil, 0o600)
}

func markClosed(path string) error {
	if err := os.Remove(openMarker(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
