package boltstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// busy is a home with a job of each kind, a webhook and a folder. The audio of
// the open jobs is in use.
type busy struct {
	t                     *testing.T
	dir, hook, folder     string
	queued, running, done string
}

func (b *busy) open() *boltstore.DB {
	b.t.Helper()
	db, err := boltstore.Open(b.t.Context(), b.dir, boltstore.Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	return db
}

func (b *busy) close(db *boltstore.DB) {
	b.t.Helper()
	if err := db.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// with opens the store for what use does with it, and closes it.
func (b *busy) with(use func(db *boltstore.DB) error) {
	b.t.Helper()
	db := b.open()
	if err := use(db); err != nil {
		b.t.Error(err)
	}
	b.close(db)
}

func (b *busy) submit(ctx context.Context, db *boltstore.DB, queue string) string {
	b.t.Helper()
	j, _, err := db.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix), Blob: store.NewID(""), Queue: queue})
	if err != nil {
		b.t.Fatal(err)
	}
	return j.ID
}

func newBusy(t *testing.T) *busy {
	b := &busy{t: t, dir: t.TempDir()}
	ctx := t.Context()
	b.with(func(db *boltstore.DB) error {
		hook, err := db.CreateWebhook(ctx, store.Webhook{ID: store.NewID(api.WebhookPrefix), URL: "http://127.0.0.1/", Active: true, Secret: []byte("x")}, 0)
		if err != nil {
			return err
		}
		b.hook = hook.ID
		folder, err := db.CreateFolder(ctx, store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: t.TempDir()})
		if err != nil {
			return err
		}
		b.folder = folder.ID
		b.done = b.submit(ctx, db, "")
		jobs, err := db.Claim(ctx, store.QueueCommands, "w", time.Minute, 1)
		if err != nil {
			return err
		}
		ev := store.Event{ID: store.EventID(b.done, 0, api.EventCompleted), Type: api.EventCompleted, CreatedAt: time.Now(), Body: []byte("{}")}
		if _, err := db.Complete(ctx, jobs[0].Token(), []byte("{}"), ev); err != nil {
			return err
		}
		b.running = b.submit(ctx, db, "")
		if _, err := db.Claim(ctx, store.QueueCommands, "w", time.Minute, 1); err != nil {
			return err
		}
		b.queued = b.submit(ctx, db, "")
		return nil
	})
	return b
}

// copyTo copies the database to path.
func (b *busy) copyTo(path string) {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, boltstore.FileName))
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// atRest checks that nothing of the database goes on by itself, and that all of
// it can be made to.
func (b *busy) atRest(db *boltstore.DB) {
	b.t.Helper()
	ctx := b.t.Context()
	for _, id := range []string{b.queued, b.running} {
		j, err := db.Job(ctx, id)
		if err != nil || j.Status != api.Interrupted || j.Error.Code != api.JobInterrupted {
			b.t.Errorf("got %s (%+v), %v, want an interrupted job that says why", j.Status, j.Error, err)
		}
		if used, err := db.BlobInUse(ctx, j.Blob); err != nil || !used {
			b.t.Errorf("got %v, %v for the audio of an interrupted job, want it in use", used, err)
		}
	}
	if j, err := db.Job(ctx, b.done); err != nil || j.Status != api.Completed {
		b.t.Errorf("got %s, %v, want the job that had ended as it was", j.Status, err)
	}
	if jobs, err := db.Claim(ctx, store.QueueCommands, "w", time.Minute, 9); err != nil || len(jobs) != 0 {
		b.t.Errorf("got %v, %v, want no job to claim", jobs, err)
	}
	if ds, err := db.ClaimDeliveries(ctx, "s", time.Minute, 9, 9); err != nil || len(ds) != 0 {
		b.t.Errorf("got %v, %v, want no delivery to claim", ds, err)
	}
	if w, err := db.Webhook(ctx, b.hook); err != nil || w.Active || w.DisabledReason != api.DisabledRestored {
		b.t.Errorf("got active %v (%s), %v, want a webhook that is disabled", w.Active, w.DisabledReason, err)
	}
	if f, err := db.Folder(ctx, b.folder); err != nil || !f.Options.Paused {
		b.t.Errorf("got paused %v, %v, want a folder that is paused", f.Options.Paused, err)
	}
	if j, err := db.Retry(ctx, b.queued); err != nil || j.Status != api.Queued {
		b.t.Errorf("got %s, %v from trying it again, want it queued", j.Status, err)
	}
	if _, err := db.UpdateWebhook(ctx, b.hook, func(w *store.Webhook) error { w.Active = true; return nil }); err != nil {
		b.t.Error(err)
	}
	if ds, err := db.ClaimDeliveries(ctx, "s", time.Minute, 9, 9); err != nil || len(ds) != 1 {
		b.t.Errorf("got %v, %v once the webhook is enabled, want its delivery", ds, err)
	}
}

func TestPast_aCopyFromBeforeIsAtRest(t *testing.T) {
	b := newBusy(t)
	copied := filepath.Join(t.TempDir(), "copy")
	b.copyTo(copied)
	b.with(func(db *boltstore.DB) error { b.submit(t.Context(), db, ""); return nil })
	if err := os.Rename(copied, filepath.Join(b.dir, boltstore.FileName)); err != nil {
		t.Fatal(err)
	}
	b.with(func(db *boltstore.DB) error { b.atRest(db); return nil })
	b.with(func(db *boltstore.DB) error {
		if j, err := db.Job(t.Context(), b.queued); err != nil || j.Status != api.Queued {
			t.Errorf("got %s, %v at the next start, want that it goes on", j.Status, err)
		}
		return nil
	})
}

func TestPast_whatWasMarkedIsAtRest(t *testing.T) {
	b := newBusy(t)
	path := filepath.Join(b.dir, boltstore.FileName)
	if err := boltstore.MarkRestored(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := boltstore.Compact(path); err != nil { // which does not make it of today
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := boltstore.Open(ended, b.dir, boltstore.Config{}); err == nil {
		t.Fatal("got no error from an open that was cut short")
	}
	b.with(func(db *boltstore.DB) error { b.atRest(db); return nil })
}

func TestPast_whatIsOfTodayGoesOn(t *testing.T) {
	b := newBusy(t)
	path := filepath.Join(b.dir, boltstore.FileName)
	for name, change := range map[string]func() error{
		"as it was":                  func() error { return nil },
		"compacted":                  func() error { _, _, err := boltstore.Compact(path); return err },
		"repaired":                   func() error { _, err := boltstore.Repair(t.Context(), path); return err },
		"without the file beside it": func() error { return os.Remove(path + ".last") },
		"with a torn file beside it": func() error { return os.WriteFile(path+".last", nil, 0o600) },
	} {
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.with(func(db *boltstore.DB) error {
			if j, err := db.Job(t.Context(), b.queued); err != nil || j.Status != api.Queued {
				t.Errorf("%s: got %s, %v, want it queued", name, j.Status, err)
			}
			return nil
		})
	}
}

// TestOpen_afterTheClockWasSetBack: what waited for ten minutes waits for ten
// minutes, though the clock says that they are in a day.
func TestOpen_afterTheClockWasSetBack(t *testing.T) {
	const day = 24 * time.Hour
	dir, off := t.TempDir(), day
	open := func() *boltstore.DB {
		db, err := boltstore.Open(t.Context(), dir, boltstore.Config{Options: store.Options{Now: func() time.Time { return time.Now().Add(off) }}})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	j, _, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix), Due: time.Now().Add(off + 10*time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	off = 0
	for range 2 { // at the second time the clock is as it was
		db = open()
		got, err := db.Job(t.Context(), j.ID)
		if wait := time.Until(got.Due); err != nil || wait < 5*time.Minute || wait > 15*time.Minute {
			t.Errorf("got a job that is due in %s, %v, want about ten minutes", wait, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
