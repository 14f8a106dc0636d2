package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func setActive(t *testing.T, s store.Store, id string, on bool) store.Webhook {
	t.Helper()
	return must[store.Webhook](t)(s.UpdateWebhook(t.Context(), id, func(w *store.Webhook) error { w.Active = on; return nil }))
}

func holdAndRelease(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 3)
	inFlight := claimDeliveries(t, s, 1, 8)[0]
	got := setActive(t, s, w.ID, false)
	equal(t, "reason", got.DisabledReason, api.DisabledByUser)
	equal(t, "claims while inactive", len(claimDeliveries(t, s, 9, 8)), 0)
	record(t, s, inFlight, again(0)) // what was in flight is held too
	equal(t, "held", must[map[api.DeliveryStatus]int](t)(s.CountDeliveries(t.Context()))[api.DeliveryHeld], 3)
	got = setActive(t, s, w.ID, true)
	if !got.Active || !got.DisabledAt.IsZero() || got.DisabledReason != "" || got.ConsecutiveFailures != 0 {
		t.Errorf("enabled webhook: got %+v, want no trace of the disable", got)
	}
	equal(t, "claims after release", len(claimDeliveries(t, s, 9, 8)), 3)
	_, err := s.UpdateWebhook(t.Context(), w.ID, func(w *store.Webhook) error { w.URL = "x"; return api.Invalid })
	wantError(t, "refused change", err, api.Invalid)
	equal(t, "url", must[store.Webhook](t)(s.Webhook(t.Context(), w.ID)).URL, w.URL)
}

func heldDueAtOnce(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{}, store.Webhook{Ordered: true})
	complete(t, s, 3)
	for _, c := range claimDeliveries(t, s, 9, 3) {
		record(t, s, c, again(30*time.Minute))
	}
	equal(t, "claimed before the time", len(claimDeliveries(t, s, 9, 3)), 0)
	for _, active := range []bool{false, true} {
		for _, w := range w {
			must[store.Webhook](t)(s.UpdateWebhook(t.Context(), w.ID, func(w *store.Webhook) error { w.Active = active; return nil }))
		}
	}
	equal(t, "failures once enabled", must[store.Webhook](t)(s.Webhook(t.Context(), w[0].ID)).ConsecutiveFailures, 0)
	equal(t, "claimed once enabled", len(claimDeliveries(t, s, 9, 3)), 4)
}

func hookDeleted(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{})
	complete(t, s, 3)
	var c store.ClaimedDelivery
	for _, c = range claimDeliveries(t, s, 2, 1) {
		if c.Webhook.ID == hooks[0].ID {
			break
		}
	}
	err := s.DeleteWebhook(t.Context(), hooks[0].ID, false)
	wantError(t, "delete with open deliveries", err, api.Conflict)
	if err := s.DeleteWebhook(t.Context(), hooks[0].ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = s.Webhook(t.Context(), hooks[0].ID)
	wantError(t, "webhook", err, api.NotFound)
	wantError(t, "second delete", s.DeleteWebhook(t.Context(), hooks[0].ID, true), api.NotFound)
	equal(t, "webhooks", len(must[[]store.Webhook](t)(s.Webhooks(t.Context()))), 1)
	equal(t, "cancelled", len(deliveries(t, s, store.DeliveryFilter{Status: api.DeliveryCancelled})), 3)
	equal(t, "cancelled by count", must[map[api.DeliveryStatus]int](t)(s.CountDeliveries(t.Context()))[api.DeliveryCancelled], 3)
	_, err = s.RecordAttempt(t.Context(), c.Delivery.Token(), api.Attempt{}, store.Outcome{Status: api.DeliveryDelivered})
	wantError(t, "record", err, api.LeaseLost)
	_, err = s.Redeliver(t.Context(), c.Delivery.ID)
	wantError(t, "redeliver", err, api.Conflict)
	complete(t, s, 1)
	equal(t, "deliveries of a new event", len(claimDeliveries(t, s, 9, 8)), 3)
}

func hookCap(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	var first store.Webhook
	for i := range 3 {
		w := store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true}
		_, err := s.CreateWebhook(t.Context(), w, 2)
		if i < 2 && err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = w
		}
		if i == 2 {
			wantError(t, "one over the cap", err, api.Conflict)
		}
	}
	must[store.Webhook](t)(s.CreateWebhook(t.Context(), first, 2)) // a repeat
	if err := s.DeleteWebhook(t.Context(), first.ID, false); err != nil {
		t.Fatal(err)
	}
	must[store.Webhook](t)(s.CreateWebhook(t.Context(), store.Webhook{ID: store.NewID(api.WebhookPrefix)}, 2))
}

func redelivered(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 1)
	c := claimDeliveries(t, s, 1, 8)[0]
	record(t, s, c, store.Outcome{Status: api.DeliveryDelivered})
	for _, id := range []string{c.Delivery.ID, c.AttemptID} {
		d := must[store.Delivery](t)(s.Redeliver(t.Context(), id))
		if d.ID == c.Delivery.ID || d.EventID != c.Event.ID || !d.Manual || d.RedeliveryOf != c.Delivery.ID || d.Status != api.DeliveryPending {
			t.Errorf("redelivery: got %+v, want a manual one of event %s", d, c.Event.ID)
		}
		n := claimDeliveries(t, s, 1, 8)[0]
		equal(t, "claimed", n.Delivery.ID, d.ID)
		equal(t, "body", string(n.Event.Body), string(c.Event.Body))
		record(t, s, n, store.Outcome{Status: api.DeliveryFailed})
	}
	equal(t, "failures", must[store.Webhook](t)(s.Webhook(t.Context(), w.ID)).ConsecutiveFailures, 0)
}

func replayed(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 2)
	for _, c := range claimDeliveries(t, s, 9, 8) {
		record(t, s, c, store.Outcome{Status: api.DeliveryFailed})
	}
	time.Sleep(time.Hour)
	since := time.Now()
	time.Sleep(time.Second)
	complete(t, s, 5)
	for i, c := range claimDeliveries(t, s, 9, 8) {
		out := store.Outcome{Status: api.DeliveryFailed}
		if i == 0 {
			out.Status = api.DeliveryDelivered
		}
		record(t, s, c, out)
	}
	time.Sleep(time.Second)
	until := time.Now()
	total := 0
	for more, i := true, 0; more && i < 9; i++ {
		var n int
		var err error
		if n, more, err = s.Replay(t.Context(), w.ID, since, until, nil, 3); err != nil {
			t.Fatal(err)
		}
		total += n
		time.Sleep(time.Second)
	}
	equal(t, "replayed", total, 4)
	for range 4 { // one in flight after the failures
		for _, c := range claimDeliveries(t, s, 9, 8) {
			record(t, s, c, store.Outcome{Status: api.DeliveryDelivered})
		}
	}
	n, _, err := s.Replay(t.Context(), w.ID, since, time.Now(), nil, 100)
	if err != nil || n != 0 {
		t.Errorf("replay of what has been delivered since: got %d, error %v, want 0", n, err)
	}
	n, _, err = s.Replay(t.Context(), w.ID, since, time.Now(), []api.DeliveryStatus{api.DeliveryDelivered}, 100)
	if err != nil || n != 5 {
		t.Errorf("replay of delivered events: got %d, error %v, want each of 5 once", n, err)
	}
	_, _, err = s.Replay(t.Context(), store.NewID(api.WebhookPrefix), since, until, nil, 3)
	wantError(t, "replay of no webhook", err, api.NotFound)
}

func namedHooks(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{Events: []string{api.EventFailed}}, store.Webhook{})
	complete(t, s, 1, hooks[0].ID, hooks[1].ID)
	ds := deliveries(t, s, store.DeliveryFilter{})
	if len(ds) != 1 || ds[0].WebhookID != hooks[0].ID {
		t.Errorf("deliveries: got %v, want only the named webhook that subscribes", ds)
	}
}

func deliveryListing(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{})
	start := time.Now()
	for range 12 {
		complete(t, s, 1)
		time.Sleep(time.Second)
	}
	for i, c := range claimDeliveries(t, s, 100, 8) {
		out := []store.Outcome{{Status: api.DeliveryDelivered}, {Status: api.DeliveryFailed}, again(time.Hour)}[i%3]
		if i < 12 {
			record(t, s, c, out)
		}
	}
	job := deliveries(t, s, store.DeliveryFilter{})[0].JobID
	for _, tt := range []struct {
		f    store.DeliveryFilter
		want int
	}{
		{store.DeliveryFilter{}, 24},
		{store.DeliveryFilter{Webhook: hooks[0].ID}, 12},
		{store.DeliveryFilter{Job: job}, 2},
		{store.DeliveryFilter{Job: job, Webhook: hooks[1].ID}, 1},
		{store.DeliveryFilter{Status: api.DeliveryDelivered}, 4},
		{store.DeliveryFilter{Status: api.DeliveryInFlight}, 4},
		{store.DeliveryFilter{Since: start.Add(10 * time.Second)}, 4},
		{store.DeliveryFilter{Webhook: hooks[0].ID, Until: start.Add(2 * time.Second)}, 2},
	} {
		var ids []string
		for cursor, more := "", true; more; {
			ds, next, err := s.Deliveries(t.Context(), tt.f, cursor, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range ds {
				ids = append(ids, d.ID)
			}
			cursor, more = next, next != ""
		}
		equal(t, fmt.Sprintf("deliveries with %+v", tt.f), len(ids), tt.want)
		newest := slices.Clone(ids)
		slices.Sort(newest)
		slices.Reverse(newest)
		equal(t, "order", fmt.Sprint(ids), fmt.Sprint(slices.Compact(newest)))
	}
}

func purged(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	ctx := t.Context()
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 5)
	test := store.Event{ID: store.NewID(api.EventPrefix), Type: api.EventTest, Body: []byte("{}")}
	must[[]store.Delivery](t)(s.PostEvent(ctx, test, []string{w.ID}, true))
	cs := claimDeliveries(t, s, 9, 8)
	for _, c := range cs[1:] {
		record(t, s, c, store.Outcome{Status: api.DeliveryDelivered})
	}
	open := submit(t, s, store.Job{})
	time.Sleep(time.Hour)
	old := time.Now()
	submit(t, s, store.Job{})
	j := claim(t, s, "w", time.Hour) // of the two, the one that was first
	must[store.Job](t)(s.Complete(ctx, j.Token(), []byte("{}"), store.Event{}))
	equal(t, "purged of the first", must[int](t)(s.Purge(ctx, old, 2)), 2)
	rest := must[int](t)(s.Purge(ctx, old, 100))
	equal(t, "purged of the rest", rest, 3)
	if _, err := s.Job(ctx, open.ID); err != nil {
		t.Errorf("job that was open: %v", err)
	}
	equal(t, "deliveries", len(deliveries(t, s, store.DeliveryFilter{})), 1)
	record(t, s, claimAgain(t, s), store.Outcome{Status: api.DeliveryDelivered})
	equal(t, "purged at once after it ended", must[int](t)(s.Purge(ctx, old, 100)), 0)
	time.Sleep(25 * time.Hour)
	equal(t, "purged a day later", must[int](t)(s.Purge(ctx, time.Now(), 100)), 2)
	equal(t, "events", len(must[[]store.Event](t)(s.EventsSince(ctx, 0, 10))), 0)
}

// claimAgain claims the one delivery whose lease ran out.
func claimAgain(t *testing.T, s store.Store) store.ClaimedDelivery {
	t.Helper()
	cs := claimDeliveries(t, s, 9, 8)
	if len(cs) != 1 {
		t.Fatalf("claim: got %d deliveries, want 1", len(cs))
	}
	return cs[0]
}

// rateLimited also opens the store again: the limit is not of a process.
func rateLimited(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := must[store.Store](t)(b.Open(t.Context(), dir, store.Options{Now: time.Now}))
	hooks := makeHooks(t, s, store.Webhook{RateLimit: 1}, store.Webhook{}, store.Webhook{RateLimit: 50})
	complete(t, s, 12)
	got := map[string]int{}
	claimAll := func() {
		t.Helper()
		for _, c := range claimDeliveries(t, s, 100, 100) {
			got[c.Webhook.ID]++
			record(t, s, c, store.Outcome{Status: api.DeliveryDelivered})
		}
	}
	claimAll()
	for i, want := range []int{1, 12, 5} {
		equal(t, fmt.Sprintf("claimed at once of webhook %d", i), got[hooks[i].ID], want)
	}
	at, ok, _ := s.NextDelivery(t.Context(), 100)
	if !ok || !at.Equal(time.Now().Add(time.Second/50)) {
		t.Errorf("next delivery: got %v %v, want in a fiftieth of a second", at, ok)
	}
	revision := must[store.Webhook](t)(s.Webhook(t.Context(), hooks[0].ID)).Revision
	equal(t, "revision after a claim", revision, hooks[0].Revision)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = must[store.Store](t)(b.Open(t.Context(), dir, store.Options{Now: time.Now}))
	defer s.Close()
	claimAll()
	equal(t, "claimed of the slow one after a restart", got[hooks[0].ID], 1)
	for i := range 3 {
		time.Sleep(time.Second)
		claimAll()
		equal(t, "claimed of the slow one, seconds later", got[hooks[0].ID], 2+i)
	}
	must[store.Webhook](t)(s.UpdateWebhook(t.Context(), hooks[0].ID, func(w *store.Webhook) error { w.RateLimit = 0; return nil }))
	claimAll()
	equal(t, "claimed once there is no limit", got[hooks[0].ID], 12)
}
