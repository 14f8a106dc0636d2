package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func submitTwice(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	j := submit(t, s, store.Job{Metadata: []byte(`{"a":1}`), Source: api.Source{Name: "a.mp3", Size: 3}})
	again, created, err := s.Submit(t.Context(), store.Job{ID: j.ID, Queue: "other"})
	if err != nil || created {
		t.Fatalf("second submit: got created %v, error %v, want the first job", created, err)
	}
	equal(t, "queue", again.Queue, store.QueueCommands)
	equal(t, "metadata", string(again.Metadata), `{"a":1}`)
	equal(t, "queued jobs", must[map[api.JobStatus]int](t)(s.CountJobs(t.Context()))[api.Queued], 1)
	_, _, err = s.Submit(t.Context(), store.Job{ID: "job_1"})
	wantError(t, "submit with a bad id", err, api.Invalid)
}

func dedupeKey(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	a := submit(t, s, store.Job{Dedupe: "k"})
	submit(t, s, store.Job{Dedupe: "l"})
	got, created, err := s.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix), Dedupe: "k"})
	if err != nil || created || got.ID != a.ID {
		t.Fatalf("submit with a used key: got %s, created %v, error %v, want job %s", got.ID, created, err, a.ID)
	}
	must[store.Job](t)(s.Cancel(t.Context(), a.ID, 0))
	if err := s.DeleteJob(t.Context(), a.ID, false); err != nil {
		t.Fatal(err)
	}
	submit(t, s, store.Job{Dedupe: "k"}) // free again
}

func claimOrder(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	later := submit(t, s, store.Job{Due: time.Now().Add(time.Minute)})
	first := submit(t, s, store.Job{})
	time.Sleep(time.Second)
	second := submit(t, s, store.Job{})
	submit(t, s, store.Job{Queue: "wat_x"})
	js := must[[]store.Job](t)(s.Claim(t.Context(), store.QueueCommands, "w", time.Hour, 9))
	if len(js) != 2 || js[0].ID != first.ID || js[1].ID != second.ID {
		t.Fatalf("claim: got %v, want the two that are due in order", js)
	}
	at, ok, err := s.NextJob(t.Context())
	if err != nil || !ok || at.After(time.Now()) {
		t.Errorf("next job: got %v %v %v, want the other queue's, due now", at, ok, err)
	}
	if at, ok, err := s.NextJob(t.Context(), "wat_x"); err != nil || !ok || at.Before(time.Now().Add(time.Minute-time.Second)) {
		t.Errorf("next job of the others: got %v %v %v, want the later one", at, ok, err)
	}
	equal(t, "queues", fmt.Sprint(must[[]string](t)(s.Queues(t.Context()))), "[commands wat_x]")
	time.Sleep(time.Minute)
	equal(t, "job when its time came", claim(t, s, "w", time.Hour).ID, later.ID)
}

func completeOnce(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{Events: []string{api.EventFailed}}, store.Webhook{Active: false, Description: "inactive"})
	submit(t, s, store.Job{Blob: "b1", Options: api.Options{Language: "en"}})
	j := claim(t, s, "w", time.Hour)
	equal(t, "attempts charged by a claim", j.Attempts, 1)
	done := must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte(`{"text":"x"}`), doneEvent(j)))
	equal(t, "status", done.Status, api.Completed)
	equal(t, "blob", done.Blob, "")
	equal(t, "finished", done.FinishedAt, time.Now().UTC())
	equal(t, "result", string(must[[]byte](t)(s.Result(t.Context(), j.ID))), `{"text":"x"}`)
	ds := deliveries(t, s, store.DeliveryFilter{Job: j.ID})
	equal(t, "deliveries", len(ds), 2)
	for _, d := range ds {
		want := api.DeliveryPending
		if d.WebhookID == hooks[2].ID {
			want = api.DeliveryHeld
		}
		equal(t, "status of the delivery to "+d.WebhookID, d.Status, want)
		equal(t, "id", d.ID, store.DeliveryID(store.Event{ID: d.EventID, CreatedAt: time.Now()}, d.WebhookID))
	}
	claimNone(t, s)
	evs := must[[]store.Event](t)(s.EventsSince(t.Context(), 0, 9))
	if len(evs) != 1 || evs[0].ID != store.EventID(j.ID, 0, api.EventCompleted) || string(evs[0].Body) != string(doneEvent(j).Body) {
		t.Errorf("events: got %v, want the job's one with its body", evs)
	}
}

func staleToken(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{})
	old := claim(t, s, "a", time.Minute).Token()
	time.Sleep(2 * time.Minute)
	now := claim(t, s, "b", time.Minute)
	ctx := t.Context()
	_, err := s.Complete(ctx, old, nil, doneEvent(now))
	wantError(t, "complete", err, api.LeaseLost)
	_, err = s.Fail(ctx, old, store.JobError{}, time.Time{}, failEvent(now))
	wantError(t, "fail", err, api.LeaseLost)
	wantError(t, "extend", s.Extend(ctx, old, time.Hour, api.Progress{}), api.LeaseLost)
	wantError(t, "release", s.Release(ctx, old, time.Time{}, ""), api.LeaseLost)
	must[store.Job](t)(s.Complete(ctx, now.Token(), []byte("{}"), doneEvent(now)))
	_, err = s.Complete(ctx, store.Token{ID: store.NewID(api.JobPrefix), Revision: 1}, nil, store.Event{})
	wantError(t, "complete of no job", err, api.NotFound)
}

func repeatedToken(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	for _, end := range []struct {
		name  string
		spend func(store.Job) error
	}{
		{"release", func(j store.Job) error { return s.Release(t.Context(), j.Token(), time.Time{}, "w") }},
		{"fail for now", func(j store.Job) error {
			_, err := s.Fail(t.Context(), j.Token(), store.JobError{Code: "x"}, time.Now(), store.Event{})
			return err
		}},
		{"complete", func(j store.Job) error {
			_, err := s.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j))
			return err
		}},
		{"fail", func(j store.Job) error {
			_, err := s.Fail(t.Context(), j.Token(), store.JobError{Code: "x"}, time.Time{}, failEvent(j))
			return err
		}},
		{"cancel", func(j store.Job) error { _, err := s.Cancel(t.Context(), j.ID, j.Revision); return err }},
	} {
		submit(t, s, store.Job{})
		j := claim(t, s, "w", time.Hour)
		for range 3 {
			if err := end.spend(j); err != nil {
				t.Errorf("%s: got error %v, want nil each time", end.name, err)
			}
		}
		got := must[store.Job](t)(s.Job(t.Context(), j.ID))
		equal(t, end.name+": revisions of one change", got.Revision, j.Revision+1)
		if !got.Status.Terminal() {
			must[store.Job](t)(s.Cancel(t.Context(), j.ID, 0))
		}
	}
	equal(t, "events", len(must[[]store.Event](t)(s.EventsSince(t.Context(), 0, 100))), 2)
}

func expiredLease(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{})
	claim(t, s, "a", time.Minute)
	claimNone(t, s)
	at, ok, _ := s.NextJob(t.Context())
	if !ok || !at.Equal(time.Now().Add(time.Minute)) {
		t.Errorf("next job: got %v, want the lease's end", at)
	}
	time.Sleep(time.Minute)
	equal(t, "attempts", claim(t, s, "b", time.Minute).Attempts, 2)
}

func exhausted(t *testing.T, b Backend) {
	s := b.open(t, store.Options{FailEvent: failEventAt})
	makeHooks(t, s, store.Webhook{})
	submit(t, s, store.Job{MaxAttempts: 2})
	for range 2 {
		claim(t, s, "w", time.Minute)
		time.Sleep(time.Minute)
	}
	next := submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Minute) // skips the one that fails
	equal(t, "claimed", j.ID, next.ID)
	js, err := s.JobsPage(t.Context(), store.JobFilter{Status: api.Failed}, 0, 5)
	if err != nil || len(js) != 1 || js[0].Error.Code == "" {
		t.Fatalf("failed jobs: got %v, error %v, want one with its reason", js, err)
	}
	evs := must[[]store.Event](t)(s.EventsSince(t.Context(), 0, 10))
	if len(evs) != 1 || evs[0].Type != api.EventFailed || evs[0].JobID != js[0].ID {
		t.Errorf("events: got %v, want one failure", evs)
	}
	equal(t, "deliveries", len(deliveries(t, s, store.DeliveryFilter{})), 1)
}

func extended(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Minute)
	time.Sleep(50 * time.Second)
	if err := s.Extend(t.Context(), j.Token(), time.Minute, api.Progress{Stage: "decode", Percent: 5}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Second)
	claimNone(t, s)
	got := must[store.Job](t)(s.Job(t.Context(), j.ID))
	equal(t, "progress", got.Progress.Stage, "decode")
	equal(t, "revision", got.Revision, j.Revision)
	must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), store.Event{}))
}

func released(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{MaxAttempts: 1})
	for range 3 {
		j := claim(t, s, "w", time.Minute)
		if err := s.Release(t.Context(), j.Token(), time.Now().Add(time.Second), "no space"); err != nil {
			t.Fatal(err)
		}
		claimNone(t, s)
		equal(t, "waiting", must[store.Job](t)(s.Job(t.Context(), j.ID)).Waiting, "no space")
		time.Sleep(time.Second)
	}
	equal(t, "attempts", claim(t, s, "w", time.Minute).Attempts, 1)
}

func retryAt(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Minute)
	j = must[store.Job](t)(s.Fail(t.Context(), j.Token(), store.JobError{Code: api.JobTimeout, Message: "slow"}, time.Now().Add(time.Hour), store.Event{}))
	equal(t, "status", j.Status, api.Queued)
	equal(t, "error", j.Error.Code, api.JobTimeout)
	claimNone(t, s)
	time.Sleep(time.Hour)
	equal(t, "attempts", claim(t, s, "w", time.Minute).Attempts, 2)
	equal(t, "events", len(must[[]store.Event](t)(s.EventsSince(t.Context(), 0, 10))), 0)
}

func recovered(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	complete(t, s, 4)
	owners := []string{store.Owner("a", "new"), store.Owner("a", "old"), store.Owner("b", "old"), "run_of_before_nodes"}
	keeps := []bool{true, false, true, false}
	var jobs []store.Job
	var sends []store.ClaimedDelivery
	for _, owner := range owners {
		submit(t, s, store.Job{})
		jobs = append(jobs, claim(t, s, owner, time.Hour))
		cs := must[[]store.ClaimedDelivery](t)(s.ClaimDeliveries(t.Context(), owner, time.Hour, 1, 100))
		sends = append(sends, cs...)
	}
	if err := s.Recover(t.Context(), "a", "new"); err != nil {
		t.Fatal(err)
	}
	for i, owner := range owners {
		var want error
		if !keeps[i] {
			want = api.LeaseLost
		}
		wantError(t, "extend by "+owner, s.Extend(t.Context(), jobs[i].Token(), time.Hour, api.Progress{}), want)
		_, err := s.RecordAttempt(t.Context(), sends[i].Delivery.Token(), api.Attempt{}, store.Outcome{Status: api.DeliveryDelivered})
		wantError(t, "record by "+owner, err, want)
	}
	for range 2 {
		equal(t, "attempts of a recovered job", claim(t, s, owners[0], time.Hour).Attempts, 1)
	}
	claimNone(t, s)
	equal(t, "recovered deliveries", len(claimDeliveries(t, s, 9, 100)), 2)
}

func cancelled(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	ctx := t.Context()
	submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Hour)
	_, err := s.Cancel(ctx, j.ID, j.Revision-1)
	wantError(t, "cancel an older revision", err, api.Conflict)
	got := must[store.Job](t)(s.Cancel(ctx, j.ID, 0))
	equal(t, "status", got.Status, api.Cancelled)
	wantError(t, "extend", s.Extend(ctx, j.Token(), time.Hour, api.Progress{}), api.LeaseLost)
	_, err = s.Complete(ctx, j.Token(), nil, doneEvent(j))
	wantError(t, "complete", err, api.LeaseLost)
	claimNone(t, s)
	submit(t, s, store.Job{})
	j = claim(t, s, "w", time.Hour)
	must[store.Job](t)(s.Complete(ctx, j.Token(), []byte("{}"), store.Event{}))
	_, err = s.Cancel(ctx, j.ID, 0)
	wantError(t, "cancel a completed job", err, api.Conflict)
}

func triedAgain(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	ctx := t.Context()
	submit(t, s, store.Job{})
	for gen := range 2 {
		j := claim(t, s, "w", time.Hour)
		equal(t, "generation", j.Generation, gen)
		equal(t, "attempts", j.Attempts, 1)
		_, err := s.Retry(ctx, j.ID)
		wantError(t, "retry of an open job", err, api.Conflict)
		must[store.Job](t)(s.Fail(ctx, j.Token(), store.JobError{Code: "x"}, time.Time{}, failEvent(j)))
		r := must[store.Job](t)(s.Retry(ctx, j.ID))
		equal(t, "error", r.Error, store.JobError{})
	}
	equal(t, "events", len(must[[]store.Event](t)(s.EventsSince(ctx, 0, 10))), 2)
}
