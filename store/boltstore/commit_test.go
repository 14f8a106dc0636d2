package boltstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// openTest opens a store that the test closes.
func openTest(t testing.TB, opts store.Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), t.TempDir(), Config{Options: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := Check(filepath.Join(filepath.Dir(db.path), FileName)); err != nil {
			t.Error(err)
		}
	})
	return db
}

func jobs(t *testing.T, db *DB) int {
	t.Helper()
	n, err := db.CountJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n[api.Queued]
}

// queueBehind runs ops in one batch: they are queued while the committer is
// held up in another.
func queueBehind(t *testing.T, db *DB, ops ...func(*tx) error) []error {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	go db.update(t.Context(), func(*tx) error { close(held); <-free; return nil })
	<-held
	errs := make([]error, len(ops))
	var wg sync.WaitGroup
	for i, run := range ops {
		o := &op{run: run, done: make(chan struct{})}
		if err := db.enqueue(o); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { <-o.done; errs[i] = o.err })
	}
	close(free)
	wg.Wait()
	return errs
}

func TestAFailedTransitionHasNoPartInTheCommit(t *testing.T) {
	db := openTest(t, store.Options{})
	boom := errors.New("boom")
	var runs [3]int
	submit := func(i int, then error) func(*tx) error {
		return func(t *tx) error {
			runs[i]++
			if _, _, err := t.submit(store.Job{ID: store.NewID(api.JobPrefix)}); err != nil {
				return err
			}
			return then
		}
	}
	errs := queueBehind(t, db, submit(0, nil), submit(1, boom), submit(2, nil))
	if errs[0] != nil || !errors.Is(errs[1], boom) || errs[2] != nil {
		t.Fatalf("batch: got %v, want only the second to fail", errs)
	}
	if got := jobs(t, db); got != 2 {
		t.Errorf("jobs: got %d, want 2", got)
	}
	if runs != [3]int{2, 1, 1} {
		t.Errorf("runs: got %v, want the batch played again without the second", runs)
	}
}

func TestARefusedTransitionDoesNotReplayItsBatch(t *testing.T) {
	db := openTest(t, store.Options{})
	runs := 0
	errs := queueBehind(t, db,
		func(t *tx) error {
			runs++
			_, _, err := t.submit(store.Job{ID: store.NewID(api.JobPrefix)})
			return err
		},
		func(t *tx) error { _, err := t.job(store.NewID(api.JobPrefix)); return err })
	if errs[0] != nil || !errors.Is(errs[1], api.NotFound) || runs != 1 {
		t.Errorf("batch: got %v after %d runs, want NotFound and one run", errs, runs)
	}
}

func TestMoreThanABatchIsCommitted(t *testing.T) {
	db := openTest(t, store.Options{})
	ops := make([]func(*tx) error, maxBatch+7)
	for i := range ops {
		ops[i] = func(t *tx) error { _, _, err := t.submit(store.Job{ID: store.NewID(api.JobPrefix)}); return err }
	}
	for i, err := range queueBehind(t, db, ops...) {
		if err != nil {
			t.Fatalf("transition %d: %v", i, err)
		}
	}
	if got := jobs(t, db); got != len(ops) {
		t.Errorf("jobs: got %d, want %d", got, len(ops))
	}
}

func TestACallerWhoGivesUpChangesNothing(t *testing.T) {
	db := openTest(t, store.Options{})
	held, free := make(chan struct{}), make(chan struct{})
	go db.update(t.Context(), func(*tx) error { close(held); <-free; return nil })
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, _, err := db.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix)})
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, api.Unavailable) {
		t.Errorf("submit: got %v, want Unavailable", err)
	}
	close(free)
	if err := db.update(t.Context(), func(*tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := jobs(t, db); got != 0 {
		t.Errorf("jobs: got %d, want none", got)
	}
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var ok sync.Map
	for range 50 {
		wg.Go(func() {
			id := store.NewID(api.JobPrefix)
			_, _, err := db.Submit(context.Background(), store.Job{ID: id})
			switch {
			case err == nil:
				ok.Store(id, true)
			case !errors.Is(err, api.Unavailable):
				t.Errorf("submit: got %v, want nil or Unavailable", err)
			}
		})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := db.Job(t.Context(), store.NewID(api.JobPrefix)); !errors.Is(err, api.Unavailable) {
		t.Errorf("read after close: got %v, want Unavailable", err)
	}
	if db, err = Open(t.Context(), dir, Config{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ok.Range(func(id, _ any) bool {
		if _, err := db.Job(t.Context(), id.(string)); err != nil {
			t.Errorf("acknowledged job: %v", err)
		}
		return true
	})
}

func TestSignalsComeAfterTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		if _, err := db.CreateWebhook(t.Context(), store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true}, 0); err != nil {
			t.Fatal(err)
		}
		got := func(c <-chan struct{}) bool {
			synctest.Wait()
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		if _, _, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix)}); err != nil {
			t.Fatal(err)
		}
		if !got(db.JobsReady()) || got(db.DeliveriesReady()) || got(db.EventsReady()) {
			t.Error("after a submit: want a signal for jobs only")
		}
		js, err := db.Claim(t.Context(), store.QueueCommands, "w", time.Minute, 1)
		if err != nil || got(db.JobsReady()) {
			t.Errorf("after a claim: got %v, want no signal", err)
		}
		if _, err := db.Complete(t.Context(), js[0].Token(), nil, store.Event{ID: store.EventID(js[0].ID, 0, "x"), Type: "x"}); err != nil {
			t.Fatal(err)
		}
		if !got(db.DeliveriesReady()) || !got(db.EventsReady()) {
			t.Error("after a completion: want signals for deliveries and events")
		}
	})
}

func TestABusyWebhookWithTenThousandPendingDoesNotStarveAnother(t *testing.T) {
	db := openTest(t, store.Options{})
	ctx := t.Context()
	busy, other := store.NewID(api.WebhookPrefix), store.NewID(api.WebhookPrefix)
	for _, id := range []string{busy, other} {
		if _, err := db.CreateWebhook(ctx, store.Webhook{ID: id, Active: true}, 0); err != nil {
			t.Fatal(err)
		}
	}
	post := func(hook string, n int) {
		t.Helper()
		err := db.update(ctx, func(t *tx) error {
			h, err := t.liveHook(hook)
			if err != nil {
				return err
			}
			for range n {
				e, _, err := t.putEvent(store.Event{ID: store.NewID(api.EventPrefix), Type: api.EventCompleted})
				if err != nil {
					return err
				}
				t.addDelivery(t.newDelivery(&e.Event, h, store.DeliveryUID(&e.Event, h.ID)))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	post(busy, 10_000)
	claim := func(n int) map[string]int {
		cs, err := db.ClaimDeliveries(ctx, "s", time.Minute, n, 8)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, c := range cs {
			got[c.Webhook.ID]++
		}
		return got
	}
	if got := claim(256); got[busy] != 8 {
		t.Errorf("busy one alone: got %d in flight, want 8", got[busy])
	}
	post(other, 3)
	if got := claim(256); got[other] != 3 || got[busy] != 0 {
		t.Errorf("claim: got %v, want the other's three at once", got)
	}
	if err := db.DeleteWebhook(ctx, busy, true); err != nil {
		t.Fatal(err)
	}
	n, err := db.CountDeliveries(ctx)
	if err != nil || n[api.DeliveryCancelled] != 10_000 {
		t.Errorf("cancelled with the webhook: got %d, error %v, want 10000", n[api.DeliveryCancelled], err)
	}
}

func TestADeletionOfAWebhookIsFinishedByRecover(t *testing.T) {
	db := openTest(t, store.Options{Logger: slog.New(slog.DiscardHandler)})
	ctx := t.Context()
	id := store.NewID(api.WebhookPrefix)
	if _, err := db.CreateWebhook(ctx, store.Webhook{ID: id, Active: true}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PostEvent(ctx, store.Event{ID: store.NewID(api.EventPrefix), Type: "x"}, []string{id}, false); err != nil {
		t.Fatal(err)
	}
	err := db.update(ctx, func(t *tx) error { // as far as a crash let it come
		h, err := t.liveHook(id)
		if err != nil {
			return err
		}
		h.Deleted = true
		t.changed(h)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Webhook(ctx, id); !errors.Is(err, api.NotFound) {
		t.Errorf("webhook: got %v, want NotFound", err)
	}
	shownAs := func() string {
		n, err := db.CountDeliveries(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(n[api.DeliveryPending], n[api.DeliveryCancelled])
	}
	if got := shownAs(); got != "0 1" {
		t.Errorf("pending and cancelled before Recover: got %s, want 0 1", got)
	}
	if err := db.Recover(ctx, "a", "me"); err != nil {
		t.Fatal(err)
	}
	if got := shownAs(); got != "0 1" {
		t.Errorf("pending and cancelled after Recover: got %s, want 0 1", got)
	}
	if len(db.order) != 0 {
		t.Errorf("webhooks in memory: got %d, want none", len(db.order))
	}
}
