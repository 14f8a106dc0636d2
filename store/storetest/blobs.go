package storetest

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// RunBlobs runs the suite of the audio against stores that open makes, each
// empty.
func RunBlobs(t *testing.T, open func(t *testing.T) store.BlobStore) {
	t.Run("a blob is what was put", func(t *testing.T) { blobKept(t, open(t)) })
	t.Run("a blob over the limit leaves nothing", func(t *testing.T) { blobRefused(t, open(t)) })
	t.Run("what is removed while somebody holds stays for as long", func(t *testing.T) { blobsHeld(t, open(t)) })
	t.Run("what nobody wants is set aside, and kept for its time", func(t *testing.T) { blobsQuarantined(t, open(t)) })
}

func put(t *testing.T, b store.BlobStore, content string) store.Blob {
	t.Helper()
	return must[store.Blob](t)(b.Put(t.Context(), strings.NewReader(content), 0))
}

func blobKept(t *testing.T, b store.BlobStore) {
	blob := put(t, b, "hello")
	equal(t, "blob", blob.Size, 5)
	equal(t, "hash", blob.SHA256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
	f, err := b.Open(blob.Name)
	if err != nil {
		t.Fatal(err)
	}
	got := must[[]byte](t)(io.ReadAll(f))
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	equal(t, "content", string(got), "hello")
	if other := put(t, b, "hello"); other.Name == blob.Name {
		t.Errorf("name: got %s twice", other.Name)
	}
	for range 2 {
		if err := b.Remove(blob.Name); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	_, err = b.Open(blob.Name)
	wantError(t, "removed blob", err, api.NotFound)
}

func blobsHeld(t *testing.T, b store.BlobStore) {
	one, two := put(t, b, "one"), put(t, b, "two")
	names := func(what string, want ...string) {
		t.Helper()
		got := must[[]string](t)(b.Names())
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	names("at first", one.Name, two.Name)
	first, second := b.Hold(), b.Hold()
	if err := b.Remove(one.Name); err != nil {
		t.Error(err)
	}
	if n, err := b.Quarantine(t.Context(), func(string) bool { return false }, -time.Hour); err != nil || n != 0 {
		t.Errorf("quarantine: got %d set aside, error %v, want none while somebody holds", n, err)
	}
	first()
	first() // once is enough
	names("while one still holds", one.Name, two.Name)
	second()
	names("once nobody holds", two.Name)
	if err := b.Remove(two.Name); err != nil {
		t.Error(err)
	}
	names("in the end")
}

func blobRefused(t *testing.T, b store.BlobStore) {
	_, err := b.Put(t.Context(), strings.NewReader("hello"), 4)
	wantError(t, "too large", err, api.TooLarge)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Put(ctx, strings.NewReader("hello"), 0)
	wantError(t, "cancelled", err, context.Canceled)
	n, err := b.Quarantine(t.Context(), func(string) bool { return false }, -time.Hour)
	if err != nil || n != 0 {
		t.Errorf("left behind: got %d blobs, error %v, want none", n, err)
	}
}

func blobsQuarantined(t *testing.T, b store.BlobStore) {
	kept, orphan := put(t, b, "a"), put(t, b, "bb")
	keep := func(name string) bool { return name == kept.Name }
	n, err := b.Quarantine(t.Context(), keep, time.Hour)
	if err != nil || n != 0 {
		t.Errorf("young blobs: got %d set aside, error %v, want none", n, err)
	}
	n, err = b.Quarantine(t.Context(), keep, -time.Hour)
	if err != nil || n != 1 {
		t.Errorf("orphans: got %d set aside, error %v, want 1", n, err)
	}
	_, err = b.Open(orphan.Name)
	wantError(t, "orphan", err, api.NotFound)
	f, err := b.Open(kept.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	q := must[store.Quarantined](t)(b.Quarantined(t.Context()))
	if q.Files != 1 || q.Bytes != 2 || time.Since(q.Oldest).Abs() > 48*time.Hour || q.Dir == "" {
		t.Errorf("quarantine: got %+v, want one file of two bytes from today", q)
	}
	for _, tt := range []struct {
		before time.Time
		want   int
	}{{time.Now(), 0}, {time.Now().Add(49 * time.Hour), 1}, {time.Now().Add(49 * time.Hour), 0}} {
		n, err := b.ExpireQuarantine(t.Context(), tt.before)
		if err != nil || n != tt.want {
			t.Errorf("set aside before %s: got %d removed, error %v, want %d", tt.before, n, err, tt.want)
		}
	}
	q = must[store.Quarantined](t)(b.Quarantined(t.Context()))
	equal(t, "files past their time", q.Files, 0)
}
