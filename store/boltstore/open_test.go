package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func TestASecondOpenIsRefused(t *testing.T) {
	db := openTest(t, store.Options{})
	for range 2 {
		_, err := Open(t.Context(), filepath.Dir(db.path), Config{})
		if !errors.Is(err, ErrLocked) || !errors.Is(err, api.Conflict) {
			t.Errorf("second open: got %v, want ErrLocked, which is a Conflict", err)
		}
	}
	if err := Check(db.path); !errors.Is(err, ErrLocked) {
		t.Errorf("check of an open database: got %v, want ErrLocked", err)
	}
	if _, _, err := Compact(db.path); !errors.Is(err, ErrLocked) {
		t.Errorf("compact of an open database: got %v, want ErrLocked", err)
	}
}

func TestTheDataFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700, db.path: 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: got %v, error %v, want %v", path, st.Mode().Perm(), err, want)
		}
	}
}

func TestOnlyAnUncleanDatabaseIsChecked(t *testing.T) {
	dir := t.TempDir()
	checks := 0
	opts := Config{Check: func(_ context.Context, path string) error { checks++; return Check(path) }}
	open := func() *DB {
		db, err := Open(t.Context(), dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	for range 2 {
		db := open()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if checks != 0 {
		t.Errorf("checks after clean ends: got %d, want none", checks)
	}
	if err := os.WriteFile(openMarker(filepath.Join(dir, FileName)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db := open()
	if checks != 1 {
		t.Errorf("checks after an unclean end: got %d, want 1", checks)
	}
	if _, err := Open(t.Context(), dir, opts); !errors.Is(err, ErrLocked) || checks != 1 {
		t.Errorf("open of one in use: got %v and %d checks, want ErrLocked and no check", err, checks)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(openMarker(filepath.Join(dir, FileName)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opts.Check = func(context.Context, string) error { return errors.New("damaged") }
	if _, err := Open(t.Context(), dir, opts); err == nil {
		t.Error("open of a damaged database: got no error")
	}
}

func TestMigrationsRunInOrderOnACopiedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	db, err := openBolt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := slog.New(slog.DiscardHandler)
	if err := migrate(db, path, nil, log); err != nil {
		t.Fatal(err)
	}
	put := func(v string) migration {
		return migration{step: func(t *bolt.Tx) error {
			b := t.Bucket(bucketNames[bMeta])
			return b.Put([]byte("x"), append(bytes.Clone(b.Get([]byte("x"))), v...))
		}}
	}
	boom := errors.New("boom")
	fails := migration{step: func(*bolt.Tx) error { return boom }}
	if err := migrate(db, path, []migration{put("a"), fails}, log); !errors.Is(err, boom) {
		t.Fatalf("failing migration: got %v, want boom", err)
	}
	if schema, err := schemaOf(db); err != nil || schema != 2 {
		t.Errorf("schema after the first step: got %d, error %v, want 2", schema, err)
	}
	if err := migrate(db, path, []migration{put("a"), put("b")}, log); err != nil {
		t.Fatal(err)
	}
	err = db.View(func(t *bolt.Tx) error {
		if got := string(t.Bucket(bucketNames[bMeta]).Get([]byte("x"))); got != "ab" {
			return fmt.Errorf("steps: got %q, want each once in order", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for schema := 1; schema <= 2; schema++ {
		old, err := bolt.Open(fmt.Sprintf("%s.schema-%d", path, schema), 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := schemaOf(old); err != nil || got != uint32(schema) {
			t.Errorf("copy: got schema %d, error %v, want %d", got, err, schema)
		}
		if err := old.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := migrate(db, path, nil, log); !errors.Is(err, api.Invalid) {
		t.Errorf("file of a newer version: got %v, want Invalid", err)
	}
}

// filled opens a store with some of everything.
func filled(t *testing.T, dir string) (*DB, string) {
	t.Helper()
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := db.CreateWebhook(ctx, store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true, Ordered: true}, 0); err != nil {
		t.Fatal(err)
	}
	var id string
	for i := range 40 {
		id = store.NewID(api.JobPrefix)
		if _, _, err := db.Submit(ctx, store.Job{ID: id, Dedupe: id, Blob: id}); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			continue
		}
		js, err := db.Claim(ctx, store.QueueCommands, "w", 1<<40, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Complete(ctx, js[0].Token(), make([]byte, 5000), store.Event{ID: store.EventID(js[0].ID, 0, "x"), Type: "x", Body: make([]byte, 3000)}); err != nil {
			t.Fatal(err)
		}
	}
	return db, id
}

// into has a backup written to w.
func into(w io.Writer) func(int64) (io.Writer, error) {
	return func(int64) (io.Writer, error) { return w, nil }
}

func TestABackupIsAWholeStore(t *testing.T) {
	db, id := filled(t, t.TempDir())
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Backup(t.Context(), into(f)), f.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := Check(f.Name()); err != nil {
		t.Error(err)
	}
	if db, err = Open(t.Context(), dir, Config{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Job(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestCompactKeepsAllAndGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	db, id := filled(t, dir)
	ctx := t.Context()
	js, err := db.JobsPage(ctx, store.JobFilter{Status: api.Completed}, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range js {
		if j.ID != id {
			if err := db.DeleteJob(ctx, j.ID, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	last, err := db.LastEvent(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(db.path)
	if err != nil || after >= before {
		t.Errorf("compact: got %d bytes from %d, error %v, want fewer", after, before, err)
	}
	if err := Check(db.path); err != nil {
		t.Error(err)
	}
	if db, err = Open(ctx, dir, Config{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, err := db.LastEvent(ctx); err != nil || got != last {
		t.Errorf("last event: got %d, error %v, want %d", got, err, last)
	}
	if _, err := db.Job(ctx, id); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*bolt.Tx) error
	}{
		{"a missing queue entry", func(t *bolt.Tx) error { return deleteFirst(t, bQueue) }},
		{"a missing status entry", func(t *bolt.Tx) error { return deleteFirst(t, bDeliveryStatus) }},
		{"a missing event", func(t *bolt.Tx) error { return deleteFirst(t, bEvent) }},
		{"a missing result", func(t *bolt.Tx) error { return deleteFirst(t, bResult) }},
		{"a missing place in the sequence", func(t *bolt.Tx) error { return deleteFirst(t, bSeq) }},
		{"an entry too many", func(t *bolt.Tx) error {
			return t.Bucket(bucketNames[bDue]).Put(orderedKey(uid{1}, 1, uid{2}), nil)
		}},
		{"a wrong count", func(t *bolt.Tx) error {
			return t.Bucket(bucketNames[bMeta]).Put(keyCounts, (&counts{}).encode())
		}},
		{"a record that is cut short", func(t *bolt.Tx) error {
			b := t.Bucket(bucketNames[bJob])
			k, v := b.Cursor().First()
			return b.Put(k, bytes.Clone(v[:len(v)-3]))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, _ := filled(t, t.TempDir())
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := Check(db.path); err != nil {
				t.Fatalf("before: %v", err)
			}
			b, err := openBolt(db.path, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.Update(tt.spoil), b.Close()); err != nil {
				t.Fatal(err)
			}
			if err := Check(db.path); err == nil {
				t.Error("check: got nil, want what is wrong")
			}
		})
	}
}

func deleteFirst(t *bolt.Tx, b bucketID) error {
	c := t.Bucket(bucketNames[b]).Cursor()
	c.First()
	return c.Delete()
}

func TestFreePagesAreUsedAgainAfterAReopen(t *testing.T) {
	dir := t.TempDir()
	var sizes []int64
	for round := range 4 {
		db, err := Open(t.Context(), dir, Config{})
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			id := store.NewID(api.JobPrefix)
			if _, _, err := db.Submit(t.Context(), store.Job{ID: id, Metadata: make([]byte, 1<<20)}); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Cancel(t.Context(), id, 0); err != nil {
				t.Fatal(err)
			}
			if err := db.DeleteJob(t.Context(), id, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Check(db.path); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n, err := size(db.path)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if sizes[3] > sizes[0] {
		t.Errorf("sizes after each round: got %v, want no growth", sizes)
	}
}

func TestSchemaIsWrittenOnce(t *testing.T) {
	db := openTest(t, store.Options{})
	err := db.bolt.View(func(b *bolt.Tx) error {
		if got := binary.BigEndian.Uint32(b.Bucket(bucketNames[bMeta]).Get(keySchema)); int(got) != len(migrations)+1 {
			return fmt.Errorf("schema: got %d, want %d", got, len(migrations)+1)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatAChoreLeftGoesWithTheNextOpen(t *testing.T) {
	dir, path := closedDB(t)
	left := []string{path + compactSuffix, path + ".schema-1" + partSuffix}
	keep := path + ".schema-1" // a whole copy from before a migration
	for _, name := range append(left, keep) {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range left {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v, want it gone", name, err)
		}
	}
	if _, err := os.Stat(keep); err != nil {
		t.Errorf("the copy from before a migration: %v", err)
	}
}

func TestAChoreMakesNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if _, _, err := Compact(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("compact: got %v, want that there is none", err)
	}
	if err := BackupFile(t.Context(), path, into(&bytes.Buffer{})); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("backup: got %v, want that there is none", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v afterwards, want no file", err)
	}
}
