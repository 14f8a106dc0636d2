package storetest

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

var clockTests = []struct {
	name string
	run  func(*testing.T, Backend)
}{
	{"a clock that is set back makes nothing wait longer", setBack},
	{"what is due stays as it is when the clock is set back", setBackDue},
}

// setBack sets the clock back by a day while a job, a delivery and a webhook with
// a rate limit wait, and says so.
func setBack(t *testing.T, b Backend) {
	const day = 24 * time.Hour
	var off time.Duration
	s := b.open(t, store.Options{Now: func() time.Time { return time.Now().Add(off) }})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{RateLimit: 0.01}) // one in 100 s
	complete(t, s, 2, hooks[0].ID, hooks[1].ID)
	first := claimDeliveries(t, s, 9, 1)
	equal(t, "deliveries at first", len(first), 2)
	for _, c := range first {
		out := store.Outcome{Status: api.DeliveryDelivered}
		if c.Webhook.ID == hooks[0].ID {
			out = store.Outcome{Status: api.DeliveryPending, RetryAt: time.Now().Add(5 * time.Minute)}
		}
		record(t, s, c, out)
	}
	record(t, s, claimDeliveries(t, s, 9, 1)[0], store.Outcome{Status: api.DeliveryDelivered})
	later := submit(t, s, store.Job{Due: time.Now().Add(10 * time.Minute)})

	off = -day
	n, err := s.SetBack(t.Context(), day)
	if err != nil || n != 4 {
		t.Errorf("set back: got %d moved, error %v, want the job, the retry, what the rate limit holds back, and the webhook", n, err)
	}
	equal(t, "deliveries at once", len(claimDeliveries(t, s, 9, 1)), 0)
	time.Sleep(100 * time.Second)
	limited := claimDeliveries(t, s, 9, 1)
	equal(t, "deliveries once the rate limit lets one go", len(limited), 1)
	record(t, s, limited[0], store.Outcome{Status: api.DeliveryDelivered})
	claimNone(t, s)
	time.Sleep(4 * time.Minute)
	equal(t, "deliveries once the retry is due", len(claimDeliveries(t, s, 9, 2)), 1)
	time.Sleep(5 * time.Minute)
	equal(t, "job once it is due", claim(t, s, "w", time.Hour).ID, later.ID)
}

func setBackDue(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	complete(t, s, 1)
	j := submit(t, s, store.Job{})
	time.Sleep(time.Second)
	n, err := s.SetBack(t.Context(), time.Hour)
	if err != nil || n != 0 {
		t.Errorf("set back: got %d moved, error %v, want none", n, err)
	}
	equal(t, "job", claim(t, s, "w", time.Hour).ID, j.ID)
	equal(t, "deliveries", len(claimDeliveries(t, s, 9, 1)), 1)
}
