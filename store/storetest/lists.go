package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func deleted(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	ctx := t.Context()
	makeHooks(t, s, store.Webhook{})
	j := submit(t, s, store.Job{})
	wantError(t, "delete a queued job", s.DeleteJob(ctx, j.ID, true), api.Conflict)
	j = claim(t, s, "w", time.Hour)
	must[store.Job](t)(s.Complete(ctx, j.Token(), []byte("{}"), doneEvent(j)))
	c := claimDeliveries(t, s, 5, 8)[0]
	wantError(t, "delete a job with a delivery that is open", s.DeleteJob(ctx, j.ID, false), api.Conflict)
	if err := s.DeleteJob(ctx, j.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err := s.Job(ctx, j.ID)
	wantError(t, "job", err, api.NotFound)
	_, err = s.Result(ctx, j.ID)
	wantError(t, "result", err, api.NotFound)
	_, _, err = s.Delivery(ctx, c.Delivery.ID)
	wantError(t, "delivery", err, api.NotFound)
	_, err = s.RecordAttempt(ctx, c.Delivery.Token(), api.Attempt{}, store.Outcome{Status: api.DeliveryDelivered})
	wantError(t, "record", err, api.NotFound)
	equal(t, "events", len(must[[]store.Event](t)(s.EventsSince(ctx, 0, 10))), 0)
}

func pages(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	var ids []string
	for i := range 10 {
		ids = append(ids, submit(t, s, store.Job{Queue: []string{"a", "b"}[i%2]}).ID)
		time.Sleep(time.Second)
	}
	for _, tt := range []struct {
		f             store.JobFilter
		offset, limit int
		want          []int
	}{
		{store.JobFilter{}, 0, 3, []int{9, 8, 7}},
		{store.JobFilter{}, 8, 3, []int{1, 0}},
		{store.JobFilter{}, 10, 3, nil},
		{store.JobFilter{}, 99, 3, nil},
		{store.JobFilter{Queue: "a"}, 1, 2, []int{6, 4}},
		{store.JobFilter{Since: time.Now().Add(-2500 * time.Millisecond)}, 1, 5, []int{8}},
		{store.JobFilter{Status: api.Queued}, 4, 1, []int{5}},
		{store.JobFilter{Status: api.Failed}, 0, 5, nil},
	} {
		js := must[[]store.Job](t)(s.JobsPage(t.Context(), tt.f, tt.offset, tt.limit))
		var got, want []string
		for _, j := range js {
			got = append(got, j.ID)
		}
		for _, i := range tt.want {
			want = append(want, ids[i])
		}
		equal(t, fmt.Sprintf("page %+v %d %d", tt.f, tt.offset, tt.limit), fmt.Sprint(got), fmt.Sprint(want))
	}
}

func eventsInOrder(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	var want []string
	for range 5 {
		submit(t, s, store.Job{})
		j := claim(t, s, "w", time.Hour)
		must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j)))
		want = append(want, doneEvent(j).ID)
	}
	var got []string
	for seq := uint64(0); len(got) < len(want); {
		evs := must[[]store.Event](t)(s.EventsSince(t.Context(), seq, 2))
		if len(evs) == 0 {
			break
		}
		for _, e := range evs {
			got, seq = append(got, e.ID), e.Seq
		}
	}
	equal(t, "events", fmt.Sprint(got), fmt.Sprint(want))
}

func reopened(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := must[store.Store](t)(b.Open(t.Context(), dir, store.Options{Now: time.Now}))
	makeHooks(t, s, store.Webhook{})
	submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Hour)
	must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j)))
	c := claimDeliveries(t, s, 1, 1)[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = must[store.Store](t)(b.Open(t.Context(), dir, store.Options{Now: time.Now}))
	defer s.Close()
	equal(t, "completed jobs", must[map[api.JobStatus]int](t)(s.CountJobs(t.Context()))[api.Completed], 1)
	equal(t, "in flight", must[map[api.DeliveryStatus]int](t)(s.CountDeliveries(t.Context()))[api.DeliveryInFlight], 1)
	if at, ok, _ := s.NextDelivery(t.Context(), 1); !ok || !at.Equal(c.Delivery.LeaseUntil) {
		t.Errorf("next delivery: got %v %v, want the lease's end %v", at, ok, c.Delivery.LeaseUntil)
	}
	if err := s.Recover(t.Context(), "a", "x"); err != nil {
		t.Fatal(err)
	}
	again := claimDeliveries(t, s, 1, 1)[0]
	equal(t, "charged attempts", again.Delivery.Attempts, 0)
	if again.AttemptID == c.AttemptID {
		t.Errorf("attempt id: got %s twice", c.AttemptID)
	}
}

func cancelledContext(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix)})
	wantError(t, "submit", err, api.Unavailable)
	equal(t, "queued", must[map[api.JobStatus]int](t)(s.CountJobs(t.Context()))[api.Queued], 0)
}
