package boltstore

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// dump returns every entry of a database.
func dump(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := openRead(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got := map[string]string{}
	err = b.View(func(x *bolt.Tx) error {
		return x.ForEach(func(name []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error { got[string(name)+"/"+string(k)] = string(v); return nil })
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRepair_ofAValidDatabaseChangesNothing(t *testing.T) {
	_, path := closedDB(t)
	before, file := dump(t, path), readFile(t, path)
	got, err := Repair(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Dropped) != 0 || got.Kept["job"] != 40 || got.Kept["result"] != 30 || got.Kept["event"] != 30 || got.Kept["delivery"] != 30 {
		t.Errorf("got %+v, want all kept", got)
	}
	after := dump(t, path)
	for k, v := range before {
		if after[k] != v {
			t.Errorf("%q: got %x, want %x", k, after[k], v)
		}
	}
	if len(after) != len(before) {
		t.Errorf("got %d entries, want %d", len(after), len(before))
	}
	if !bytes.Equal(readFile(t, got.Copy), file) {
		t.Error("the copy is not the file as it was")
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRepair_dropsOnlyWhatCannotBeRead(t *testing.T) {
	dir, path := closedDB(t)
	b, err := openBolt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	var lostJob, lostResult string
	err = b.Update(func(x *bolt.Tx) error {
		spoil := func(b bucketID, nth int) ([]byte, error) {
			c := x.Bucket(bucketNames[b]).Cursor()
			k, v := c.First()
			for range nth {
				k, v = c.Next()
			}
			k, v = bytes.Clone(k), bytes.Clone(v)
			v[len(v)/2] ^= 1
			return k, x.Bucket(bucketNames[b]).Put(k, v)
		}
		k, err := spoil(bJob, 0)
		lostJob = store.FormatID(api.JobPrefix, uid(k))
		k, err2 := spoil(bResult, 7)
		lostResult = store.FormatID(api.JobPrefix, uid(k))
		_, err3 := spoil(bEvent, 3)
		return errors.Join(err, err2, err3, deleteFirst(x, bDue), deleteFirst(x, bQueue), deleteFirst(x, bJobStatus), x.DeleteBucket(bucketNames[bDedupe]))
	})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := Repair(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, d := range got.Dropped {
		said = append(said, d.Kind)
		if d.Kind == "job" && d.ID != lostJob || d.Kind == "result" && d.ID != lostResult {
			t.Errorf("got %+v, want the job %s and the result of %s", d, lostJob, lostResult)
		}
	}
	slices.Sort(said)
	if strings.Join(said, " ") != "delivery event job result" {
		t.Errorf("dropped: got %v, want one delivery with its event, one job, one result", got.Dropped)
	}
	if checks, err := openChecked(t, dir); err != nil || checks != 0 {
		t.Errorf("open afterwards: got %d checks, error %v, want a closed and valid database", checks, err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	goesOn(t, dir, lostResult)
}

// goesOn works on what a repair left.
func goesOn(t *testing.T, dir, lostResult string) {
	t.Helper()
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if j, err := db.Job(t.Context(), lostResult); err != nil || j.Status != api.Failed {
		t.Errorf("the job without its transcript: got %s, error %v, want failed", j.Status, err)
	}
	n := 0
	for {
		js, err := db.Claim(t.Context(), store.QueueCommands, "w", 1<<40, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(js) == 0 {
			break
		}
		n++
	}
	if n != 10 {
		t.Errorf("claimed: got %d jobs, want the 10 open ones, whose entries were lost", n)
	}
}

func TestRepair_refusesWhatIsInUseOrBeyondIt(t *testing.T) {
	db, _ := filled(t, t.TempDir())
	if _, err := Repair(t.Context(), db.path); !errors.Is(err, ErrLocked) {
		t.Errorf("in use: got %v, want ErrLocked", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(db.path, bytes.Repeat([]byte("x"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(t.Context(), db.path); err == nil || !strings.HasPrefix(err.Error(), "the database cannot be repaired: ") {
		t.Errorf("no database: got %v, want that it cannot be repaired", err)
	}
}
