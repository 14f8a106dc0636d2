package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// A database may be from the past: a backup that was put in the place of a newer
// one. What it takes for work to be done may have been done since, and receivers
// may have been told. So nothing goes on by itself: what was open is interrupted,
// webhooks are disabled and drop folders paused, until somebody says otherwise.
//
// It is told by a file beside the database with the number of the last
// transaction that was seen in it, at the open and at the close, and with the time
// of day then. A compaction or repair, which begins to count anew, removes that file.

// Beside are the files that come to be beside the database at path, and that say
// something about it alone.
func Beside(path string) []string {
	return []string{openMarker(path), sumFile(path), lastFile(path)}
}

func lastFile(path string) string { return path + ".last" }

// restored stands in the file in place of a number while a database from the past
// has not been brought to rest.
const restored = "restored"

// MarkRestored says of the database at path, which is not open, that it is from
// the past.
func MarkRestored(path string) error {
	return fsx.WriteFile(lastFile(path), []byte(restored+"\n"), 0o600)
}

// lastSeen is what stands in the file beside the database. A file that is missing
// or torn says nothing.
type lastSeen struct {
	restored bool
	id       uint64    // of the last transaction; 0 where it is not known
	at       time.Time // when that was written; zero where it is not known
}

func readLast(path string) (lastSeen, error) {
	b, err := os.ReadFile(lastFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return lastSeen{}, nil
	}
	if err != nil {
		return lastSeen{}, err
	}
	if strings.TrimSpace(string(b)) == restored {
		return lastSeen{restored: true}, nil
	}
	var seen lastSeen
	var at int64
	if n, _ := fmt.Sscanf(string(b), "%d %d\n", &seen.id, &at); n != 2 {
		return lastSeen{}, nil
	}
	seen.at = fromNanos(at)
	return seen, nil
}

// noteLast writes down which transaction is the last one. Where that fails, as on
// a full disk, the number of an earlier one stays, which is right as well.
func (db *DB) noteLast() {
	err := db.bolt.Sync() // what was read may not be on the disk yet
	if err == nil {
		err = fsx.WriteFile(lastFile(db.path), fmt.Appendf(nil, "%d %d\n", db.lastCommitted(), nanos(db.now())), 0o600)
	}
	if err != nil {
		db.log.Warn("note the last transaction", "error", err)
	}
}

// forgetLast has the next open begin anew with the number. That the database is
// from the past it does not forget.
func forgetLast(path string) error {
	b, err := os.ReadFile(lastFile(path))
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(b)) == restored {
		return nil
	}
	if err != nil {
		return err
	}
	return fsx.RemoveIfExists(lastFile(path))
}

// rest brings a database from the past to rest. It may be called again after a
// crash.
func (db *DB) rest(ctx context.Context) error {
	db.resting.Store(true)
	if err := MarkRestored(db.path); err != nil {
		return err
	}
	jobs, err := db.interruptJobs(ctx)
	if err != nil {
		return err
	}
	hooks, err := db.disableAll(ctx)
	if err != nil {
		return err
	}
	folders, err := db.pauseAll(ctx)
	if err != nil {
		return err
	}
	db.resting.Store(false)
	db.log.Warn("the database is from the past, as one that was restored: nothing of it goes on by itself",
		"jobs_interrupted", jobs, "webhooks_disabled", hooks, "folders_paused", folders, "see", "voxparse jobs list --status interrupted")
	return nil
}

// interruptJobs ends the jobs that are open as interrupted, and returns how many.
func (db *DB) interruptJobs(ctx context.Context) (n int, err error) {
	for _, status := range []api.JobStatus{api.Queued, api.Processing} {
		for more := true; more; {
			var done int
			err := db.update(ctx, func(t *tx) error {
				done = 0
				var err error
				more, err = t.interruptSome(status, &done)
				return err
			})
			if err != nil {
				return n, fmt.Errorf("interrupt jobs: %w", err)
			}
			n += done
		}
	}
	return n, nil
}

func (t *tx) interruptSome(status api.JobStatus, done *int) (more bool, err error) {
	prefix := []byte{jobStatusByte(status)}
	for _, k := range t.keysWith(bJobStatus, prefix, recoverChunk) {
		u := uid(bytes.TrimPrefix(k, prefix))
		r, err := loadJob(t.get(bJob, u[:]), u)
		if t.skip(bJob, u[:], err) {
			t.del(bJobStatus, k) // it would come first again and again
			continue
		}
		if err != nil {
			return false, err
		}
		r.Error = store.JobError{Code: api.JobInterrupted, Message: "a backup was restored in which this job had not ended; it may have ended since"}
		t.spend(r, spentCancel)
		t.end(r, api.Interrupted)
		t.saveJob(r)
		t.endedFile(r)
		*done++
		more = *done == recoverChunk
	}
	return more, nil
}

// disableAll disables the webhooks that are active, so that what waits for them is
// held, and returns how many.
func (db *DB) disableAll(ctx context.Context) (n int, err error) {
	all, err := db.Webhooks(ctx)
	for _, w := range all {
		if !w.Active {
			continue
		}
		_, err := db.UpdateWebhook(ctx, w.ID, func(w *store.Webhook) error {
			w.Active, w.DisabledReason = false, api.DisabledRestored
			return nil
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// pauseAll pauses the drop folders, and returns how many.
func (db *DB) pauseAll(ctx context.Context) (n int, err error) {
	all, err := db.Folders(ctx)
	for _, f := range all {
		if f.Options.Paused {
			continue
		}
		_, err := db.UpdateFolder(ctx, f.ID, func(f *store.FolderRecord) error {
			f.Options.Paused = true
			return nil
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, err
}
