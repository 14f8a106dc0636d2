package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

var deliveryTests = []struct {
	name string
	run  func(*testing.T, Backend)
}{
	{"an attempt is logged with what comes next", attemptLogged},
	{"a stale delivery token is refused", staleDelivery},
	{"a lease that ran out is due again, uncharged", deliveryExpired},
	{"a busy webhook does not starve another", fairness},
	{"five failures leave one in flight", slowedDown},
	{"an ordered webhook gets one at a time in sequence", orderedHook},
	{"switching to ordered keeps what is open in sequence", becomesOrdered},
	{"ten failures over half an hour disable and hold", autoDisable},
	{"a success in between resets", successResets},
	{"manual deliveries do not count", manualDoesNotCount},
	{"gone disables at once", gone},
	{"holding and releasing", holdAndRelease},
	{"what was held is due at once", heldDueAtOnce},
	{"deleting a webhook cancels what is open", hookDeleted},
	{"the cap of webhooks", hookCap},
	{"redelivering makes a delivery of the same event", redelivered},
	{"a replay goes through its window once", replayed},
	{"only the named webhooks receive a job's event", namedHooks},
	{"deliveries are listed by webhook, job, status and time", deliveryListing},
	{"the delivery that is pending for longest", oldestPending},
	{"purging takes what has ended, in whole", purged},
	{"a webhook's rate limit holds back its own", rateLimited},
}

// makeHooks creates webhooks, active unless described as inactive.
func makeHooks(t *testing.T, s store.Store, ws ...store.Webhook) []store.Webhook {
	t.Helper()
	var got []store.Webhook
	for _, w := range ws {
		w.ID, w.URL = store.NewID(api.WebhookPrefix), "http://127.0.0.1/"
		w.Active = w.Description != "inactive"
		got = append(got, must[store.Webhook](t)(s.CreateWebhook(t.Context(), w, 0)))
	}
	return got
}

func deliveries(t *testing.T, s store.Store, f store.DeliveryFilter) []store.Delivery {
	t.Helper()
	ds, _, err := s.Deliveries(t.Context(), f, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func claimDeliveries(t *testing.T, s store.Store, n, perWebhook int) []store.ClaimedDelivery {
	t.Helper()
	return must[[]store.ClaimedDelivery](t)(s.ClaimDeliveries(t.Context(), "sender", time.Minute, n, perWebhook))
}

// complete makes n events, each of a job of its own.
func complete(t *testing.T, s store.Store, n int, webhooks ...string) (events []string) {
	t.Helper()
	for range n {
		submit(t, s, store.Job{Webhooks: webhooks})
		j := claim(t, s, "w", time.Hour)
		must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j)))
		events = append(events, doneEvent(j).ID)
	}
	return events
}

// record records an outcome and returns the reason of a disable.
func record(t *testing.T, s store.Store, c store.ClaimedDelivery, out store.Outcome) string {
	t.Helper()
	status := 500
	if out.Status == api.DeliveryDelivered {
		status = 200
	}
	att := api.Attempt{StartedAt: time.Now().UTC(), DurationMS: 1.5, Status: status, RequestHeaders: map[string]string{"B": "c"}, ResponseBody: "r", ResponseHeaders: map[string]string{"A": "b"}}
	return must[string](t)(s.RecordAttempt(t.Context(), c.Delivery.Token(), att, out))
}

func again(in time.Duration) store.Outcome {
	return store.Outcome{Status: api.DeliveryPending, RetryAt: time.Now().Add(in)}
}

func attemptLogged(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{Secret: []byte("sealed"), Timeout: 15 * time.Second})
	complete(t, s, 1)
	c := claimDeliveries(t, s, 5, 8)[0]
	equal(t, "secret", string(c.Webhook.Secret), "sealed")
	equal(t, "valid attempt id", api.ValidID(api.DeliveryPrefix, c.AttemptID), true)
	record(t, s, c, again(30*time.Second))
	d, atts, err := s.Delivery(t.Context(), c.AttemptID)
	if err != nil || len(atts) != 1 {
		t.Fatalf("delivery by its attempt: got %d attempts, error %v", len(atts), err)
	}
	equal(t, "status", d.Status, api.DeliveryPending)
	equal(t, "due", d.Due, time.Now().UTC().Add(30*time.Second))
	equal(t, "attempt", fmt.Sprint(atts[0].ID, atts[0].Number, atts[0].Status, atts[0].RequestHeaders, atts[0].ResponseHeaders), fmt.Sprint(c.AttemptID, 1, 500, map[string]string{"B": "c"}, map[string]string{"A": "b"}))
	equal(t, "claims before it is due", len(claimDeliveries(t, s, 5, 8)), 0)
	time.Sleep(30 * time.Second)
	second := claimDeliveries(t, s, 5, 8)[0]
	if second.AttemptID == c.AttemptID || second.Event.ID != c.Event.ID {
		t.Errorf("second attempt: got %s of event %s, want a new id of event %s", second.AttemptID, second.Event.ID, c.Event.ID)
	}
	record(t, s, second, store.Outcome{Status: api.DeliveryDelivered})
	d, atts, err = s.Delivery(t.Context(), c.Delivery.ID)
	if err != nil || d.Status != api.DeliveryDelivered || len(atts) != 2 || atts[1].Number != 2 || d.Attempts != 2 {
		t.Errorf("delivery: got %+v, %d attempts, error %v, want it delivered in 2", d, len(atts), err)
	}
	_, ok, _ := s.NextDelivery(t.Context(), 8)
	equal(t, "something next", ok, false)
	_, _, err = s.Delivery(t.Context(), store.NewID(api.DeliveryPrefix))
	wantError(t, "unknown delivery", err, api.NotFound)
}

func staleDelivery(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	complete(t, s, 1)
	old := claimDeliveries(t, s, 5, 8)[0]
	time.Sleep(time.Minute)
	now := claimDeliveries(t, s, 5, 8)[0]
	_, err := s.RecordAttempt(t.Context(), old.Delivery.Token(), api.Attempt{}, store.Outcome{Status: api.DeliveryDelivered})
	wantError(t, "record", err, api.LeaseLost)
	wantError(t, "release", s.ReleaseDelivery(t.Context(), old.Delivery.Token()), api.LeaseLost)
	for range 2 {
		record(t, s, now, store.Outcome{Status: api.DeliveryDelivered})
	}
	_, atts, _ := s.Delivery(t.Context(), now.Delivery.ID)
	equal(t, "attempts of a repeated record", len(atts), 1)
}

func deliveryExpired(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	complete(t, s, 3)
	for range 3 {
		cs := claimDeliveries(t, s, 9, 2)
		equal(t, "claimed", len(cs), 2)
		for _, c := range cs {
			equal(t, "charged", c.Delivery.Attempts, 0)
		}
		time.Sleep(time.Minute)
	}
	cs := claimDeliveries(t, s, 9, 2)
	if err := s.ReleaseDelivery(t.Context(), cs[0].Delivery.Token()); err != nil {
		t.Fatal(err)
	}
	equal(t, "claimed after a release", len(claimDeliveries(t, s, 9, 2)), 1)
}

func fairness(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{}, store.Webhook{})
	complete(t, s, 40, hooks[0].ID)
	complete(t, s, 4, hooks[1].ID)
	complete(t, s, 2, hooks[2].ID)
	got := map[string]int{}
	for _, c := range claimDeliveries(t, s, 6, 8) {
		got[c.Webhook.ID]++
	}
	for i, w := range hooks {
		equal(t, fmt.Sprintf("first round of webhook %d", i), got[w.ID], 2)
	}
	for _, c := range claimDeliveries(t, s, 100, 8) {
		got[c.Webhook.ID]++
	}
	equal(t, "in flight for the busy one", got[hooks[0].ID], 8)
	equal(t, "in flight for the second", got[hooks[1].ID], 4)
	equal(t, "claims when all are full", len(claimDeliveries(t, s, 100, 8)), 0)
	at, ok, _ := s.NextDelivery(t.Context(), 8)
	if !ok || !at.After(time.Now()) {
		t.Errorf("next delivery while all are full: got %v %v, want the end of a lease", at, ok)
	}
}

func slowedDown(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	complete(t, s, 20)
	for _, c := range claimDeliveries(t, s, 100, 5) {
		record(t, s, c, again(time.Hour))
	}
	for range 3 {
		cs := claimDeliveries(t, s, 100, 5)
		equal(t, "in flight after five failures", len(cs), 1)
		equal(t, "more", len(claimDeliveries(t, s, 100, 5)), 0)
		record(t, s, cs[0], again(time.Hour))
	}
	record(t, s, claimDeliveries(t, s, 100, 5)[0], store.Outcome{Status: api.DeliveryDelivered})
	equal(t, "in flight after a success", len(claimDeliveries(t, s, 100, 5)), 5)
}

func orderedHook(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{Ordered: true})
	events := complete(t, s, 3)
	var got []string
	for i := range 3 {
		cs := claimDeliveries(t, s, 100, 8)
		equal(t, "in flight", len(cs), 1)
		equal(t, "more", len(claimDeliveries(t, s, 100, 8)), 0)
		if i == 1 { // a later one waits for the retry of this one
			record(t, s, cs[0], again(time.Minute))
			equal(t, "in flight while the second waits", len(claimDeliveries(t, s, 100, 8)), 0)
			at, ok, _ := s.NextDelivery(t.Context(), 8)
			if !ok || !at.Equal(time.Now().Add(time.Minute)) {
				t.Errorf("next delivery: got %v, want the retry", at)
			}
			time.Sleep(time.Minute)
			cs = claimDeliveries(t, s, 100, 8)
		}
		got = append(got, cs[0].Event.ID)
		record(t, s, cs[0], store.Outcome{Status: api.DeliveryDelivered})
	}
	equal(t, "sequence", fmt.Sprint(got), fmt.Sprint(events))
}

func becomesOrdered(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	events := complete(t, s, 4)
	order := func(on bool) {
		must[store.Webhook](t)(s.UpdateWebhook(t.Context(), w.ID, func(w *store.Webhook) error { w.Ordered = on; return nil }))
	}
	for _, c := range claimDeliveries(t, s, 9, 8) {
		if c.Event.ID == events[0] {
			record(t, s, c, again(time.Minute))
		} else if err := s.ReleaseDelivery(t.Context(), c.Delivery.Token()); err != nil {
			t.Fatal(err)
		}
	}
	order(true)
	equal(t, "claims while the first waits", len(claimDeliveries(t, s, 9, 8)), 0)
	time.Sleep(time.Minute)
	for _, want := range events[:2] {
		cs := claimDeliveries(t, s, 9, 8)
		if len(cs) != 1 || cs[0].Event.ID != want {
			t.Fatalf("claim in sequence: got %d, want event %s", len(cs), want)
		}
		record(t, s, cs[0], store.Outcome{Status: api.DeliveryDelivered})
	}
	order(false)
	equal(t, "claims in any order", len(claimDeliveries(t, s, 9, 8)), 2)
}

// failFor lets attempts fail, so many minutes apart, until n are recorded or
// one disables the webhook.
func failFor(t *testing.T, s store.Store, n int, apart time.Duration) (reason string) {
	t.Helper()
	for range n {
		cs := claimDeliveries(t, s, 1, 1)
		if len(cs) == 0 {
			t.Fatal("nothing to claim")
		}
		if reason = record(t, s, cs[0], again(0)); reason != "" {
			return reason
		}
		time.Sleep(apart)
	}
	return ""
}

func autoDisable(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 3)
	equal(t, "disabled by ten failures in no time", failFor(t, s, 10, 0), "")
	time.Sleep(30 * time.Minute)
	equal(t, "disabled half an hour later", failFor(t, s, 1, 0), api.DisabledFailing)
	w = must[store.Webhook](t)(s.Webhook(t.Context(), w.ID))
	if w.Active || w.DisabledReason != api.DisabledFailing || !w.DisabledAt.Equal(time.Now()) || w.ConsecutiveFailures != 11 {
		t.Errorf("webhook: got %+v, want it disabled now after 11 failures", w)
	}
	n := must[map[api.DeliveryStatus]int](t)(s.CountDeliveries(t.Context()))
	equal(t, "held", n[api.DeliveryHeld], 3)
	equal(t, "pending", n[api.DeliveryPending], 0)
	equal(t, "listed as held", len(deliveries(t, s, store.DeliveryFilter{Webhook: w.ID, Status: api.DeliveryHeld})), 3)
	equal(t, "claims", len(claimDeliveries(t, s, 9, 8)), 0)
	complete(t, s, 1)
	equal(t, "held with a new one", len(deliveries(t, s, store.DeliveryFilter{Status: api.DeliveryHeld})), 4)
}

func successResets(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 3)
	equal(t, "disabled", failFor(t, s, 9, 10*time.Minute), "")
	record(t, s, claimDeliveries(t, s, 1, 1)[0], store.Outcome{Status: api.DeliveryDelivered})
	equal(t, "failures after a success", must[store.Webhook](t)(s.Webhook(t.Context(), w.ID)).ConsecutiveFailures, 0)
	equal(t, "disabled after nine more", failFor(t, s, 9, 10*time.Minute), "")
	equal(t, "disabled by the tenth", failFor(t, s, 1, 0), api.DisabledFailing)
}

func manualDoesNotCount(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	test := store.Event{ID: store.NewID(api.EventPrefix), Type: api.EventTest, Body: []byte("{}")}
	ds := must[[]store.Delivery](t)(s.PostEvent(t.Context(), test, []string{w.ID}, true))
	if len(ds) != 1 || !ds[0].Manual {
		t.Fatalf("post: got %+v, want one manual delivery", ds)
	}
	repeat := must[[]store.Delivery](t)(s.PostEvent(t.Context(), test, []string{w.ID}, true))
	if len(repeat) != 1 || repeat[0].ID != ds[0].ID {
		t.Errorf("repeated post: got %v, want the same delivery", repeat)
	}
	equal(t, "disabled", failFor(t, s, 12, 5*time.Minute), "")
	equal(t, "failures", must[store.Webhook](t)(s.Webhook(t.Context(), w.ID)).ConsecutiveFailures, 0)
	_, err := s.PostEvent(t.Context(), store.Event{ID: store.NewID(api.EventPrefix)}, []string{store.NewID(api.WebhookPrefix)}, true)
	wantError(t, "post to no webhook", err, api.NotFound)
}

func gone(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{})[0]
	complete(t, s, 2)
	c := claimDeliveries(t, s, 1, 8)[0]
	equal(t, "reason", record(t, s, c, store.Outcome{Status: api.DeliveryFailed, Gone: true}), api.DisabledGone)
	d, _, _ := s.Delivery(t.Context(), c.Delivery.ID)
	equal(t, "delivery", d.Status, api.DeliveryFailed)
	equal(t, "active", must[store.Webhook](t)(s.Webhook(t.Context(), w.ID)).Active, false)
	equal(t, "held", len(deliveries(t, s, store.DeliveryFilter{Status: api.DeliveryHeld})), 1)
}
