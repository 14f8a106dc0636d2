package boltstore_test

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// An event is made before it is committed, and its deliveries bear its time in
// their ids.
func TestAWindowOfTimeFindsDeliveriesOfOlderAndNewerEvents(t *testing.T) {
	db, err := boltstore.Open(t.Context(), t.TempDir(), boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hook := store.NewID(api.WebhookPrefix)
	if _, err := db.CreateWebhook(t.Context(), store.Webhook{ID: hook, Active: true}, 0); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, apart := range []time.Duration{-5 * time.Hour, 0, 5 * time.Hour} {
		ev := store.Event{ID: store.NewID(api.EventPrefix), Type: api.EventTest, CreatedAt: began.Add(apart), Body: []byte("{}")}
		if _, err := db.PostEvent(t.Context(), ev, []string{hook}, false); err != nil {
			t.Fatal(err)
		}
	}
	ended := time.Now().Add(time.Millisecond)
	minute, week := time.Minute, 7*24*time.Hour
	tests := []struct {
		name         string
		since, until time.Time
		want         int
	}{
		{"around them", began.Add(-minute), ended.Add(minute), 3},
		{"exactly", began, ended, 3},
		{"since then", began, time.Time{}, 3},
		{"until then", time.Time{}, ended, 3},
		{"before", began.Add(-week), began, 0},
		{"after", ended, ended.Add(week), 0},
		{"long after", ended.Add(week), time.Time{}, 0},
		{"long before", time.Time{}, began.Add(-week), 0},
		{"from a time that no id can bear", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, 0},
		{"until such a time", time.Time{}, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), 3},
	}
	for _, tt := range tests {
		ds, _, err := db.Deliveries(t.Context(), store.DeliveryFilter{Webhook: hook, Since: tt.since, Until: tt.until}, "", 10)
		if err != nil || len(ds) != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.name, len(ds), err, tt.want)
		}
	}
}
