package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// childChore, beside childDir, makes the child do one chore with the database
// over and over until it is killed.
const childChore = "VOXPARSE_STORE_CHORE"

// chores are what is done with a whole database.
var chores = map[string]func(ctx context.Context, path string) error{
	"compact": func(_ context.Context, path string) error {
		_, _, err := boltstore.Compact(path)
		return err
	},
	"backup": func(ctx context.Context, path string) error {
		f, err := os.Create(path + ".copy")
		if err != nil {
			return err
		}
		return errors.Join(boltstore.BackupFile(ctx, path, func(int64) (io.Writer, error) { return f, nil }), f.Close())
	},
	"migrate": func(_ context.Context, path string) error {
		if err := boltstore.MigrateForTest(path); err != nil {
			return err
		}
		if steps, err := boltstore.UnmigrateForTest(path); err != nil || steps != 2 {
			return fmt.Errorf("got %d steps, error %w, want each of the two once", steps, err)
		}
		return nil
	},
}

// endlessly returns only on an error.
func endlessly(ctx context.Context, dir string, chore func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // in case nobody kills us
	defer cancel()
	fmt.Println("begin")
	for {
		if err := chore(ctx, filepath.Join(dir, boltstore.FileName)); err != nil {
			return err
		}
	}
}

func TestAKillDuringAChoreLosesNothing(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for name, chore := range chores {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, boltstore.FileName)
			ids := fill(t, dir, 300)
			for round := range rounds {
				killDuring(t, dir, name)
				if name == "migrate" { // what was begun is ended, each step once
					if err := chore(t.Context(), path); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
				}
				holds(t, dir, ids)
				if left, err := filepath.Glob(path + ".*"); err != nil || strings.Contains(strings.Join(left, " "), ".part") || strings.Contains(strings.Join(left, " "), ".compact") {
					t.Errorf("got %v, %v after a reopen, want nothing unfinished", left, err)
				}
			}
		})
	}
}

// killDuring kills a child in the middle of a chore.
func killDuring(t *testing.T, dir, name string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childChore+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatalf("the child did not begin: %v", err)
	}
	<-time.After(time.Duration(rand.IntN(60_000)) * time.Microsecond) // a random moment, not a wait for one
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("child: got %v, want it killed", err)
	}
}

// fill makes a store with n jobs, and leaves room in it that a compaction can
// give back.
func fill(t *testing.T, dir string, n int) []string {
	t.Helper()
	db, err := boltstore.Open(t.Context(), dir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range n {
		id := store.NewID(api.JobPrefix)
		if _, _, err := db.Submit(t.Context(), store.Job{ID: id, Metadata: make([]byte, 5000)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids[n/2:] {
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
	return ids[:n/2]
}

// holds checks that the store is whole and has exactly these jobs.
func holds(t *testing.T, dir string, ids []string) {
	t.Helper()
	if err := boltstore.Check(filepath.Join(dir, boltstore.FileName)); err != nil {
		t.Fatal(err)
	}
	db, err := boltstore.Open(t.Context(), dir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if j, err := db.Job(t.Context(), id); err != nil || j.Status != api.Queued {
			t.Errorf("%s: got %s, %v, want it queued", id, j.Status, err)
		}
	}
	if n, err := db.CountJobs(t.Context()); err != nil || n[api.Queued] != len(ids) {
		t.Errorf("got %v, %v, want %d jobs", n, err, len(ids))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
