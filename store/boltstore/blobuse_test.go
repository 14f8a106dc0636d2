package boltstore

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func TestABlobIsInUseUntilItsJobEnds(t *testing.T) {
	db := openTest(t, store.Options{})
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
		if _, _, err := db.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix), Queue: name, Blob: name}); err != nil {
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
			_, err = db.Complete(ctx, js[0].Token(), nil, store.Event{})
		} else {
			_, err = db.Fail(ctx, js[0].Token(), store.JobError{Code: "x"}, time.Time{}, store.Event{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if used("done") || !used("kept") || used("never") {
		t.Error("blobs in use: want that of the failed job alone, which may be tried again")
	}
}
