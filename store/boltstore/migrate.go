package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// migration brings a file from one schema to the next. before, where there is
// one, makes as many transactions as it likes, after each of which the file is
// still a valid one of the old schema; it is run again after a crash. step is
// the last transaction, which makes the new schema that of the file.
type migration struct {
	before func(*bolt.DB) error
	step   func(*bolt.Tx) error
}

// migrations[i] leads from schema i+1 to i+2. The newest schema is
// len(migrations)+1. Buckets that a schema adds are made after its step.
var migrations = []migration{
	{},                       // 2: duplicates that wait for their original
	{before: rewriteRecords}, // 3: records with a checksum
	{},                       // 4: jobs that are interrupted
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
		return newerSchema(path, schema, newest)
	case schema == newest:
		return nil
	}
	backup := fmt.Sprintf("%s.schema-%d", path, schema)
	if err := copyOnce(db, backup, schema); err != nil {
		return fmt.Errorf("copy database before migrating it: %w", err)
	}
	log.Info("migrating the database", "from", schema, "to", newest, "copy", backup)
	for ; schema < newest; schema++ {
		if err := steps[schema-1].run(db, schema+1); err != nil {
			if errors.Is(err, errRecord) {
				return damaged("it cannot be brought to the form of this version: " + err.Error())
			}
			return fmt.Errorf("migrate database from schema %d: %w", schema, err)
		}
	}
	return nil
}

func (m migration) run(db *bolt.DB, schema uint32) error {
	if m.before != nil {
		if err := m.before(db); err != nil {
			return err
		}
	}
	return db.Update(func(t *bolt.Tx) error {
		if m.step != nil {
			if err := m.step(t); err != nil {
				return err
			}
		}
		if err := t.Bucket(bucketNames[bMeta]).Delete(keyMigrating); err != nil {
			return err
		}
		return makeBuckets(t, schema)
	})
}

// recordBuckets are the buckets whose values are records: with the newest
// version of each, and an empty one.
var recordBuckets = []struct {
	bucket  bucketID
	version byte
	empty   func() record
}{
	{bJob, jobVersion, func() record { return &jobRecord{} }},
	{bResult, resultVersion, func() record { return &resultRecord{} }},
	{bEvent, eventVersion, func() record { return &eventRecord{} }},
	{bWebhook, webhookVersion, func() record { return &webhookRecord{} }},
	{bDelivery, deliveryVersion, func() record { return &deliveryRecord{} }},
	{bAttempt, attemptVersion, func() record { return &attemptRecord{} }},
	{bFolder, folderVersion, func() record { return &folderRecord{} }},
	{bFile, fileVersion, func() record { return &fileRecord{} }},
	{bFinish, finishVersion, func() record { return &finishRecord{} }},
	{bDuplicate, finishVersion, func() record { return &finishRecord{} }},
}

// rewriteChunk is how many records one transaction of a migration rewrites.
const rewriteChunk = 2000

// rewriteRecords gives every record the newest form. One that has a checksum
// has it already.
func rewriteRecords(db *bolt.DB) error {
	for _, rb := range recordBuckets {
		for after, more := []byte(nil), true; more; {
			err := db.Update(func(t *bolt.Tx) error {
				b := t.Bucket(bucketNames[rb.bucket])
				if b == nil { // of a schema that came later
					more = false
					return nil
				}
				var err error
				after, more, err = rewriteSome(b, after, func(v []byte) ([]byte, error) {
					r := rb.empty()
					if res, ok := r.(*resultRecord); ok {
						res.JSON = v
					} else if err := decode(v, rb.version, r); err != nil {
						return nil, err
					}
					return encode(nil, rb.version, r), nil
				})
				return err
			})
			if err != nil {
				return fmt.Errorf("rewrite %s: %w", bucketNames[rb.bucket], err)
			}
		}
	}
	return nil
}

// rewriteSome rewrites the first records of b behind the key after.
func rewriteSome(b *bolt.Bucket, after []byte, form func([]byte) ([]byte, error)) (last []byte, more bool, err error) {
	type entry struct{ k, v []byte }
	var todo []entry
	c := b.Cursor()
	k, v := c.Seek(after)
	for n := 0; k != nil && n < rewriteChunk; n++ {
		last = bytes.Clone(k)
		if len(v) > 0 && v[0]&checked == 0 {
			fresh, err := form(v)
			if err != nil {
				return nil, false, fmt.Errorf("record %x: %w", k, err)
			}
			todo = append(todo, entry{last, fresh})
		}
		k, v = c.Next()
	}
	more = k != nil
	if more {
		last = bytes.Clone(k)
	}
	for _, e := range todo {
		if err := b.Put(e.k, e.v); err != nil {
			return nil, false, err
		}
	}
	return last, more, nil
}

func schemaOf(db *bolt.DB) (schema uint32, err error) {
	err = db.View(func(t *bolt.Tx) error {
		b := t.Bucket(bucketNames[bMeta])
		if b == nil {
			return nil
		}
		var err error
		schema, err = parseSchema(b.Get(keySchema))
		return err
	})
	return schema, err
}

func parseSchema(v []byte) (uint32, error) {
	if len(v) != 4 {
		return 0, fmt.Errorf("read schema: %w", errRecord)
	}
	return binary.BigEndian.Uint32(v), nil
}

// newestSchema is that of the files that this program writes.
func newestSchema() uint32 { return uint32(len(migrations) + 1) }

func newerSchema(path string, schema, newest uint32) error {
	return api.Errorf(api.Invalid, "the database %s was written by a newer voxparse (schema %d, this one knows %d); install that version again",
		path, schema, newest)
}

func makeBuckets(t *bolt.Tx, schema uint32) error {
	for _, name := range bucketNames {
		if _, err := t.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return t.Bucket(bucketNames[bMeta]).Put(keySchema, binary.BigEndian.AppendUint32(nil, schema))
}

// copyOnce copies the file as it is before a migration. When one was cut short,
// the copy of before it is there, and stays.
func copyOnce(db *bolt.DB, to string, schema uint32) error {
	begun := false
	mark := binary.BigEndian.AppendUint32(nil, schema)
	err := db.View(func(t *bolt.Tx) error {
		begun = bytes.Equal(t.Bucket(bucketNames[bMeta]).Get(keyMigrating), mark)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := os.Stat(to); begun && err == nil {
		return nil
	}
	if err := copyBefore(db, to); err != nil {
		return err
	}
	return db.Update(func(t *bolt.Tx) error { return t.Bucket(bucketNames[bMeta]).Put(keyMigrating, mark) })
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
	return fsx.Rename(tmp, to)
}
