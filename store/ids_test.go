package store_test

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/store"
)

func TestDeliveryIDsOfOneMillisecondDifferAndSort(t *testing.T) {
	now := time.UnixMilli(1_764_000_000_000)
	last := store.NewDeliveryUID(now)
	for range 100_000 {
		u := store.NewDeliveryUID(now)
		if u == last || string(u[:]) < string(last[:]) {
			t.Fatalf("got %x after %x, want a greater one", u, last)
		}
		if u != u.Delivery() {
			t.Fatalf("got %x, want sixteen zero bits at its end", u)
		}
		last = u
	}
}
