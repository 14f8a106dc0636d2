package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Backup writes a consistent copy of the database while work goes on. The
// audio of jobs that have not ended is not in it: see Blobs.
func (db *DB) Backup(ctx context.Context, begin func(size int64) (io.Writer, error)) error {
	if db.stopped() {
		return errFailed
	}
	err := copyOf(ctx, db.bolt, begin)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return errClosed
	}
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// BackupFile is Backup of a database that no daemon has open. It returns
// ErrLocked while one has.
func BackupFile(ctx context.Context, path string, begin func(size int64) (io.Writer, error)) error {
	b, err := openRead(path, false)
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	err = copyOf(ctx, b, begin)
	if err = errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// copyOf writes db, as it is at this moment, to what begin returns.
func copyOf(ctx context.Context, db *bolt.DB, begin func(size int64) (io.Writer, error)) error {
	return db.View(func(t *bolt.Tx) error {
		w, err := begin(t.Size())
		if err == nil {
			_, err = t.WriteTo(fsx.Writer(ctx, w))
		}
		return err
	})
}

// openRead opens a database that exists for reading, beside other readers.
func openRead(path string, freelist bool) (*bolt.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	b, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Nanosecond, ReadOnly: true, PreLoadFreelist: freelist})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return b, nil
}

// compactSuffix marks the new file of a compaction, until it is whole.
const compactSuffix = ".compact"

// Compact rewrites the database at path without its free pages, and returns
// its size in bytes before and after. No daemon may have it open: then the
// error is ErrLocked. The old file is replaced only once the new one is whole
// and durable.
func Compact(path string) (before, after int64, err error) {
	if _, err := os.Stat(path); err != nil { // opening would make it
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	src, err := openBolt(path, 0)
	if err != nil {
		return 0, 0, err
	}
	tmp := path + compactSuffix
	defer func() {
		err = errors.Join(err, src.Close())
		if err != nil {
			if rm := os.Remove(tmp); rm != nil && !errors.Is(rm, os.ErrNotExist) {
				err = errors.Join(err, rm)
			}
		}
	}()
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	if err := compactInto(tmp, src); err != nil {
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	if before, err = size(path); err != nil {
		return 0, 0, err
	}
	if after, err = size(tmp); err != nil {
		return 0, 0, err
	}
	if err := forgetLast(path); err != nil { // the new file counts anew
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	if err := fsx.Rename(tmp, path); err != nil {
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	return before, after, nil
}

func compactInto(tmp string, src *bolt.DB) error {
	dst, err := bolt.Open(tmp, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoSync: true})
	if err != nil {
		return err
	}
	err = bolt.Compact(dst, src, 16<<20)
	if err == nil {
		err = sequences(dst, src)
	}
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// sequences verifies that the numbering of events goes on where it was.
func sequences(dst, src *bolt.DB) error {
	var a, b uint64
	read := func(into *uint64) func(*bolt.Tx) error {
		return func(t *bolt.Tx) error {
			if e := t.Bucket(bucketNames[bEvent]); e != nil {
				*into = e.Sequence()
			}
			return nil
		}
	}
	if err := errors.Join(src.View(read(&a)), dst.View(read(&b))); err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("event number %d became %d", a, b)
	}
	return nil
}

func size(path string) (int64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
