package boltstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// parked waits for a job in a goroutine of its own, until the wait is parked.
func parked(ctx context.Context, db *DB) (<-chan []store.Job, <-chan error) {
	got, ended := make(chan []store.Job, 1), make(chan error, 1)
	go func() {
		jobs, err := db.AwaitJobs(ctx, store.QueueCommands, "w", time.Minute, 1)
		got <- jobs
		ended <- err
	}()
	synctest.Wait()
	return got, ended
}

func TestAwait_acceptedAndClaimedInOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		got, _ := parked(t.Context(), db)
		before := db.lastCommitted()
		j, _, err := db.Submit(t.Context(), benchJob())
		if err != nil || j.Status != api.Queued {
			t.Fatalf("got %s, %v from the submit, want a queued job", j.Status, err)
		}
		if jobs := <-got; len(jobs) != 1 || jobs[0].ID != j.ID {
			t.Fatalf("got %v, want %s", jobs, j.ID)
		}
		if n := db.lastCommitted() - before; n != 1 {
			t.Errorf("got %d commits, want 1", n)
		}
	})
}

func TestAwait_aTransitionThatFailsTakesNoWaitWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		got, _ := parked(t.Context(), db)
		spoilt := errors.New("spoilt")
		j := benchJob()
		errs := queueBehind(t, db, func(x *tx) error {
			if _, _, err := x.submit(j); err != nil {
				return err
			}
			return spoilt
		})
		if !errors.Is(errs[0], spoilt) {
			t.Fatalf("got %v, want its own error", errs[0])
		}
		synctest.Wait()
		select {
		case jobs := <-got:
			t.Fatalf("got %v, want nothing of a submit that failed", jobs)
		default:
		}
		if _, _, err := db.Submit(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if jobs := <-got; len(jobs) != 1 || jobs[0].ID != j.ID {
			t.Errorf("got %v, want the job once it was submitted", jobs)
		}
	})
}

func TestAwait_endsWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		_, ended := parked(t.Context(), db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, api.Unavailable) {
			t.Errorf("got %v, want that the store is closed", err)
		}
	})
}

// TestAwait_whileWaitsEnd has waits end at any moment, also in the middle of the
// commit that serves them: each job is claimed once all the same.
func TestAwait_whileWaitsEnd(t *testing.T) {
	db := openTest(t, store.Options{})
	const n = 300
	claimed := make(chan string, 2*n)
	stop, end := context.WithCancel(t.Context())
	var waits sync.WaitGroup
	for range 4 {
		waits.Go(func() {
			for stop.Err() == nil {
				ctx, cancel := context.WithTimeout(stop, time.Duration(rand.N(3000))*time.Microsecond)
				jobs, err := db.AwaitJobs(ctx, store.QueueCommands, "w", time.Hour, 2)
				cancel()
				if err != nil {
					t.Error(err)
				}
				for _, j := range jobs {
					claimed <- j.ID
				}
			}
		})
	}
	want := map[string]bool{}
	for range n {
		j, _, err := db.Submit(t.Context(), benchJob())
		if err != nil {
			t.Fatal(err)
		}
		want[j.ID] = true
	}
	for range n {
		select {
		case id := <-claimed:
			if !want[id] {
				t.Fatalf("%s was claimed twice", id)
			}
			delete(want, id)
		case <-time.After(20 * time.Second):
			t.Fatalf("%d jobs were not claimed", len(want))
		}
	}
	end()
	waits.Wait()
	if len(claimed) != 0 {
		t.Errorf("%d claims too many", len(claimed))
	}
	left := 0
	if err := db.update(t.Context(), func(*tx) error { left = len(db.committer.parked); return nil }); err != nil || left > 8 {
		t.Errorf("%d waits are parked (%v), want those that ended gone", left, err)
	}
}

// soon runs a transition that may be held, which makes a job, in a goroutine.
func soon(t *testing.T, db *DB) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- db.updateSoon(t.Context(), func(x *tx) error { _, _, err := x.submit(benchJob()); return err })
	}()
	synctest.Wait()
	return ended
}

func TestHeld_sharesTheCommitOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		before, began := db.lastCommitted(), time.Now()
		held := soon(t, db)
		if _, err := db.Claim(t.Context(), "wat_x", "w", time.Minute, 1); err != nil { // finds nothing
			t.Fatal(err)
		}
		if n := db.lastCommitted() - before; n != 0 {
			t.Errorf("got %d commits before there is another transition, want none", n)
		}
		if _, _, err := db.Submit(t.Context(), benchJob()); err != nil {
			t.Fatal(err)
		}
		if err := <-held; err != nil {
			t.Fatal(err)
		}
		if n := db.lastCommitted() - before; n != 1 || time.Since(began) != 0 {
			t.Errorf("got %d commits after %v, want both transitions in one at once", n, time.Since(began))
		}
	})
}

func TestHeld_isCommittedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openTest(t, store.Options{})
		began := time.Now()
		if err := <-soon(t, db); err != nil || time.Since(began) != holdFor {
			t.Errorf("got %v after %v, want nil after %v", err, time.Since(began), holdFor)
		}
		before, many := db.lastCommitted(), make([]<-chan error, holdMost)
		began = time.Now()
		for i := range many {
			many[i] = soon(t, db)
		}
		for _, ended := range many {
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
		if n := db.lastCommitted() - before; n != 1 || time.Since(began) != 0 {
			t.Errorf("got %d commits of %d transitions after %v, want one at once", n, holdMost, time.Since(began))
		}
		last := soon(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-last; err != nil {
			t.Errorf("got %v of what was held when the store was closed, want it committed", err)
		}
	})
}
