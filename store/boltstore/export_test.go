package boltstore

import (
	"log/slog"

	bolt "go.etcd.io/bbolt"
)

var (
	stepsForTest = []byte("steps of a test")
	discard      = slog.New(slog.DiscardHandler)
)

// MigrateForTest opens and closes the database at path with two migrations
// beyond those that there are. Each counts itself in the file, and rewrites
// every job.
func MigrateForTest(path string) error {
	db, err := openBolt(path, 0)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := removeLeftovers(path); err != nil {
		return err
	}
	step := func(t *bolt.Tx) error {
		jobs := t.Bucket(bucketNames[bJob])
		c := jobs.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if err := jobs.Put(k, append([]byte(nil), v...)); err != nil {
				return err
			}
		}
		meta := t.Bucket(bucketNames[bMeta])
		return meta.Put(stepsForTest, append(append([]byte(nil), meta.Get(stepsForTest)...), '.'))
	}
	return migrate(db, path, append(append([]migration(nil), migrations...), migration{step: step}, migration{step: step}), discard)
}

// UnmigrateForTest takes the schema of the database at path back to the newest
// real one, and returns how many steps MigrateForTest had made.
func UnmigrateForTest(path string) (steps int, err error) {
	db, err := openBolt(path, 0)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.Update(func(t *bolt.Tx) error {
		meta := t.Bucket(bucketNames[bMeta])
		steps = len(meta.Get(stepsForTest))
		if err := meta.Delete(stepsForTest); err != nil {
			return err
		}
		return makeBuckets(t, uint32(len(migrations)+1))
	})
	return steps, err
}
