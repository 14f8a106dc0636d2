package spool_test

import (
	"testing"

	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/spool"
	"github.com/voxparse/voxparse/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.RunBlobs(t, func(t *testing.T) store.BlobStore {
		b, err := spool.Open(t.TempDir(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
