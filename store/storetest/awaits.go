package storetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

var awaitTests = []struct {
	name string
	run  func(*testing.T, Backend)
}{
	{"a wait for jobs gets what is submitted", awaitJobs},
	{"a wait for jobs gets what is due already", awaitJobsDue},
	{"of two waits for jobs one gets a job", awaitJobsTwice},
	{"a wait that ended claims nothing", awaitEnded},
	{"a wait for deliveries gets what a job makes", awaitDeliveries},
	{"a wait for deliveries gets what a record makes room for", awaitRoom},
}

// repeated repeats a wait that returned nothing, as a backend may, until ctx ends.
func repeated[T any](ctx context.Context, wait func() ([]T, error)) ([]T, error) {
	for {
		got, err := wait()
		if err != nil || len(got) > 0 || ctx.Err() != nil {
			return got, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

// waitForJobs waits in a goroutine of its own; the channel has what it gets.
func waitForJobs(ctx context.Context, t *testing.T, s store.Store, owner string) <-chan []store.Job {
	got := make(chan []store.Job, 1)
	go func() {
		jobs, err := repeated(ctx, func() ([]store.Job, error) {
			return s.AwaitJobs(ctx, store.QueueCommands, owner, time.Hour, 3)
		})
		if err != nil {
			t.Errorf("wait for jobs: %v", err)
		}
		got <- jobs
	}()
	synctest.Wait()
	return got
}

func waitForDeliveries(ctx context.Context, t *testing.T, s store.Store, perWebhook int) <-chan []store.ClaimedDelivery {
	got := make(chan []store.ClaimedDelivery, 1)
	go func() {
		claimed, err := repeated(ctx, func() ([]store.ClaimedDelivery, error) {
			return s.AwaitDeliveries(ctx, "sender", time.Hour, 9, perWebhook)
		})
		if err != nil {
			t.Errorf("wait for deliveries: %v", err)
		}
		got <- claimed
	}()
	synctest.Wait()
	return got
}

func awaitJobs(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	got := waitForJobs(t.Context(), t, s, "w")
	submit(t, s, store.Job{Queue: "wat_x"})
	submit(t, s, store.Job{Due: time.Now().Add(time.Hour)})
	j := submit(t, s, store.Job{})
	jobs := <-got
	if len(jobs) != 1 || jobs[0].ID != j.ID || jobs[0].Status != api.Processing || jobs[0].Attempts != 1 {
		t.Fatalf("got %v, want the job that is due, claimed and charged", jobs)
	}
	equal(t, "status for others", must[store.Job](t)(s.Job(t.Context(), j.ID)).Status, api.Processing)
	must[store.Job](t)(s.Complete(t.Context(), jobs[0].Token(), []byte("{}"), store.Event{}))
}

func awaitJobsDue(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	j := submit(t, s, store.Job{})
	if jobs := <-waitForJobs(t.Context(), t, s, "w"); len(jobs) != 1 || jobs[0].ID != j.ID {
		t.Fatalf("got %v, want the job that was there", jobs)
	}
	claimNone(t, s)
}

func awaitJobsTwice(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	one, two := waitForJobs(t.Context(), t, s, "one"), waitForJobs(t.Context(), t, s, "two")
	for range 2 {
		j := submit(t, s, store.Job{})
		var jobs []store.Job
		select {
		case jobs = <-one:
		case jobs = <-two:
		}
		if len(jobs) != 1 || jobs[0].ID != j.ID {
			t.Fatalf("got %v, want %s alone", jobs, j.ID)
		}
	}
}

func awaitEnded(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	ctx, end := context.WithCancel(t.Context())
	jobs, claimed := waitForJobs(ctx, t, s, "w"), waitForDeliveries(ctx, t, s, 8)
	end()
	if got := <-jobs; len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
	if got := <-claimed; len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
	complete(t, s, 1)
	equal(t, "deliveries that are left to claim", len(claimDeliveries(t, s, 9, 8)), 1)
}

func awaitDeliveries(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	got := waitForDeliveries(t.Context(), t, s, 8)
	events := complete(t, s, 1)
	claimed := <-got
	if len(claimed) != 1 || claimed[0].Event.ID != events[0] || len(claimed[0].Event.Body) == 0 {
		t.Fatalf("got %v, want the delivery of %s with its body", claimed, events[0])
	}
	equal(t, "reason of a disabling", record(t, s, claimed[0], store.Outcome{Status: api.DeliveryDelivered}), "")
}

func awaitRoom(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{Ordered: true})
	events := complete(t, s, 2)
	first := claimDeliveries(t, s, 9, 8)
	equal(t, "deliveries of an ordered webhook at a time", len(first), 1)
	got := waitForDeliveries(t.Context(), t, s, 8)
	record(t, s, first[0], store.Outcome{Status: api.DeliveryDelivered})
	if claimed := <-got; len(claimed) != 1 || claimed[0].Event.ID != events[1] {
		t.Fatalf("got %v, want the second event", claimed)
	}
}
