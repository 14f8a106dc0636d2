package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestABlobIsWhatWasPut(t *testing.T) {
	b, err := OpenBlobs(t.TempDir() + "/blobs")
	if err != nil {
		t.Fatal(err)
	}
	blob, err := b.Put(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if blob.Size != 5 || blob.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("blob: got %+v, want 5 bytes with the hash of hello", blob)
	}
	f, err := b.Open(blob.Name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(got) != "hello" {
		t.Errorf("content: got %q, error %v", got, err)
	}
	for range 2 {
		if err := b.Remove(blob.Name); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if _, err := b.Open(blob.Name); !errors.Is(err, api.NotFound) {
		t.Errorf("open a removed blob: got %v, want NotFound", err)
	}
}

func TestABlobThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"too large", t.Context(), bytes.NewReader(make([]byte, 11)), api.TooLarge},
		{"broken", t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), broken},
		{"cancelled", ended, strings.NewReader("abc"), context.Canceled},
	} {
		if _, err := b.Put(tt.ctx, tt.r, 10); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v, error %v, want nothing", left, err)
	}
}

func TestCollectRemovesOldOrphansOnly(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	put := func(age time.Duration) string {
		blob, err := b.Put(t.Context(), strings.NewReader("x"), 0)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(b.Path(blob.Name), at, at); err != nil {
			t.Fatal(err)
		}
		return blob.Name
	}
	wanted, orphan, young := put(2*time.Hour), put(2*time.Hour), put(0)
	part := b.Path(orphan) + partSuffix
	if err := os.Rename(b.Path(put(2*time.Hour)), part); err != nil {
		t.Fatal(err)
	}
	n, err := b.Collect(t.Context(), func(name string) bool { return name == wanted }, time.Hour)
	if err != nil || n != 2 {
		t.Errorf("collect: got %d, error %v, want 2", n, err)
	}
	for _, name := range []string{wanted, young} {
		if _, err := os.Stat(b.Path(name)); err != nil {
			t.Errorf("blob that is wanted or young: %v", err)
		}
	}
}

func TestABlobIsInUseUntilItsJobEnds(t *testing.T) {
	db := openTest(t, Options{})
	ctx := t.Context()
	used := func(name string) bool {
		t.Helper()
		yes, err := db.BlobInUse(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	for _, name := range []string{"kept", "done"} {
		if _, _, err := db.Submit(ctx, Job{ID: NewID(api.JobPrefix), Queue: name, Blob: name}); err != nil {
			t.Fatal(err)
		}
		js, err := db.Claim(ctx, name, "w", time.Minute, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !used(name) {
			t.Errorf("blob of an open job: want it in use")
		}
		if name == "done" {
			_, err = db.Complete(ctx, js[0].Token(), nil, Event{})
		} else {
			_, err = db.Fail(ctx, js[0].Token(), JobError{Code: "x"}, time.Time{}, Event{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if used("done") || !used("kept") || used("never") {
		t.Error("blobs in use: want that of the failed job alone, which may be tried again")
	}
}
