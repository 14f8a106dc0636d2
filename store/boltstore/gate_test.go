package boltstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
)

// closedDB makes a database with something in it, closed.
func closedDB(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	db, _ := filled(t, dir)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, db.path
}

// openChecked opens a database as the daemon does, and returns how often it was
// checked.
func openChecked(t *testing.T, dir string, traces ...string) (checks int, err error) {
	t.Helper()
	check := func(_ context.Context, path string) error { checks++; return Check(path) }
	db, err := Open(t.Context(), dir, Config{Check: check, Traces: traces})
	if err == nil {
		err = db.Close()
	}
	return checks, err
}

func setSchema(t *testing.T, path string, schema uint32) {
	t.Helper()
	b, err := openBolt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(t *bolt.Tx) error { return makeBuckets(t, schema) })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_newerSchemaIsRefusedBeforeAnythingIsChecked(t *testing.T) {
	dir, path := closedDB(t)
	setSchema(t, path, newestSchema()+1)
	checks, err := openChecked(t, dir)
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "written by a newer voxparse") || checks != 0 {
		t.Errorf("got %v after %d checks, want a refusal in words after none", err, checks)
	}
	if err := Check(path); !errors.Is(err, api.Invalid) {
		t.Errorf("check: got %v, want Invalid", err)
	}
}

func TestOpen_lostDatabaseIsNoFirstStart(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		for _, trace := range []string{"marker", "sum", "copy", "key", "spool"} {
			dir, path := closedDB(t)
			if err := errors.Join(lose(path), os.Remove(sumFile(path))); err != nil {
				t.Fatal(err)
			}
			key, spool := filepath.Join(dir, "vault.key"), filepath.Join(dir, "spool")
			if err := os.Mkdir(spool, 0o700); err != nil {
				t.Fatal(err)
			}
			file := map[string]string{"marker": openMarker(path), "sum": sumFile(path), "copy": path + ".schema-2", "key": key, "spool": filepath.Join(spool, "a")}[trace]
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openChecked(t, dir, key, spool)
			if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), file+" says that there was one") {
				t.Errorf("%s, with a %s: got %v, want that it was lost", name, trace, err)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v, want it untouched", file, err)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if _, err := openChecked(t, dir, key, spool); err != nil {
				t.Errorf("%s, without a trace: got %v, want a first start", name, err)
			}
		}
	}
}

func TestOpen_damageAfterACleanStopIsSeen(t *testing.T) {
	dir, path := closedDB(t)
	if checks, err := openChecked(t, dir); checks != 0 || err != nil {
		t.Fatalf("got %d checks, error %v, want none of what was closed", checks, err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), "whk_") // somewhere in a record
	if at < 0 {
		at = len(whole) / 2
	}
	whole[at] ^= 0x20
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if checks, _ := openChecked(t, dir); checks != 1 {
		t.Errorf("got %d checks of a file that was changed, want 1", checks)
	}
	if err := os.Truncate(path, 5*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	_, err = openChecked(t, dir)
	if err == nil || !strings.HasPrefix(err.Error(), "the database is damaged: ") || !strings.Contains(err.Error(), "voxparse daemon repair") {
		t.Errorf("cut short: got %v, want that it is damaged, and what to do", err)
	}
}

func TestOpen_endsWithItsContext(t *testing.T) {
	dir, _ := closedDB(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, dir, Config{Check: func(ctx context.Context, _ string) error { return context.Cause(ctx) }}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
