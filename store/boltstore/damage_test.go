package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// spoilNewest changes a byte of the newest record of each of the buckets.
func spoilNewest(t *testing.T, db *DB, buckets ...bucketID) {
	t.Helper()
	err := db.bolt.Update(func(x *bolt.Tx) error {
		for _, b := range buckets {
			k, v := x.Bucket(bucketNames[b]).Cursor().Last()
			k, v = append([]byte(nil), k...), append([]byte(nil), v...)
			v[len(v)/2] ^= 1
			if err := x.Bucket(bucketNames[b]).Put(k, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLists_leaveOutAndCountWhatCannotBeRead(t *testing.T) {
	db, _ := filled(t, t.TempDir())
	defer db.Close()
	spoilNewest(t, db, bJob, bEvent, bDelivery)
	ctx := t.Context()
	for range 2 {
		if js, err := db.JobsPage(ctx, store.JobFilter{}, 0, 100); err != nil || len(js) != 39 {
			t.Errorf("jobs: got %d, error %v, want 39 of 40", len(js), err)
		}
		if evs, err := db.EventsSince(ctx, 0, 100); err != nil || len(evs) != 29 {
			t.Errorf("events: got %d, error %v, want 29 of 30", len(evs), err)
		}
		if ds, _, err := db.Deliveries(ctx, store.DeliveryFilter{}, "", 100); err != nil || len(ds) != 29 {
			t.Errorf("deliveries: got %d, error %v, want 29 of 30", len(ds), err)
		}
	}
	if since, err := db.OldestQueued(ctx); err != nil || since.IsZero() {
		t.Errorf("oldest queued job: got %s, error %v, want one", since, err)
	}
	if n := db.Unreadable(); n != 3 {
		t.Errorf("unreadable: got %d, want 3", n)
	}
}

func TestClaim_goesOnBehindAJobThatCannotBeRead(t *testing.T) {
	db, id := filled(t, t.TempDir())
	defer db.Close()
	spoilNewest(t, db, bJob) // an open one
	n := 0
	for {
		js, err := db.Claim(t.Context(), store.QueueCommands, "w", time.Hour, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(js) == 0 {
			break
		}
		n += len(js)
	}
	if n != 9 {
		t.Errorf("claimed: got %d jobs, want 9 of 10", n)
	}
	due, ok, err := db.NextJob(t.Context())
	if err != nil || ok && !due.After(time.Now()) {
		t.Errorf("next job: got %s, %v, error %v, want none that is due: %s cannot be read", due, ok, err, id)
	}
}

func TestClaimDeliveries_goOnBehindOneThatCannotBeRead(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		db, err := Open(t.Context(), t.TempDir(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		ctx := t.Context()
		hook := store.NewID(api.WebhookPrefix)
		if _, err := db.CreateWebhook(ctx, store.Webhook{ID: hook, Active: true, Ordered: ordered}, 0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := db.PostEvent(ctx, store.Event{ID: store.NewID(api.EventPrefix), Type: "x"}, []string{hook}, true); err != nil {
				t.Fatal(err)
			}
		}
		err = db.bolt.Update(func(x *bolt.Tx) error {
			b := x.Bucket(bucketNames[bDelivery])
			k, v := b.Cursor().First()
			v = append([]byte(nil), v...)
			v[len(v)/2] ^= 1
			return b.Put(append([]byte(nil), k...), v)
		})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for range 3 {
			c, err := db.ClaimDeliveries(ctx, "o", time.Hour, 5, 5)
			if err != nil {
				t.Fatal(err)
			}
			got += len(c)
		}
		if got != 1 {
			t.Errorf("ordered %v: got %d deliveries, want the one that can be read", ordered, got)
		}
	}
}

func TestGuard_makesAnErrorOfAFault(t *testing.T) {
	db := openTest(t, store.Options{})
	err := db.view(t.Context(), func(*tx) error { panic("assertion failed: page 7") })
	if !errors.Is(err, api.Unknown) || !db.stopped() {
		t.Errorf("got %v, stopped %v, want Unknown and a stopped store", err, db.stopped())
	}
	if _, _, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix)}); !errors.Is(err, api.Unavailable) {
		t.Errorf("submit afterwards: got %v, want Unavailable", err)
	}
	db = openTest(t, store.Options{})
	if err := db.update(t.Context(), func(*tx) error { panic("assertion failed: page 7") }); !errors.Is(err, api.Unknown) || !db.stopped() {
		t.Errorf("a change: got %v, stopped %v, want Unknown and a stopped store", err, db.stopped())
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestPresent_nothingIsAcceptedIntoALostFile(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"was removed": func(path string) error { return os.Rename(path, path+".away") },
		"was replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, nil, 0o600))
		},
	} {
		db, err := Open(t.Context(), filepath.Join(t.TempDir(), "d"), Config{})
		if err != nil {
			t.Fatal(err)
		}
		submit := func() error {
			_, _, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix)})
			return err
		}
		if err := errors.Join(submit(), lose(db.path)); err != nil {
			t.Fatal(err)
		}
		if err := submit(); !errors.Is(err, api.Unavailable) || db.Present() == nil {
			t.Errorf("%s: got %v, want Unavailable", name, err)
		}
		if js, err := db.JobsPage(t.Context(), store.JobFilter{}, 0, 9); err != nil || len(js) != 1 {
			t.Errorf("%s: got %d jobs, error %v, want that it is still read", name, len(js), err)
		}
		if err := os.Rename(db.path+".away", db.path); err != nil {
			t.Fatal(err)
		}
		if err := submit(); err != nil {
			t.Errorf("once it is back: %v", err)
		}
		if err := errors.Join(os.RemoveAll(filepath.Dir(db.path)), db.Close()); err != nil {
			t.Errorf("close of what was removed: %v", err)
		}
	}
}
