package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func oldestQueued(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	oldest := func() time.Time { return must[time.Time](t)(s.OldestQueued(t.Context())) }
	equal(t, "without a job", oldest(), time.Time{})
	first := submit(t, s, store.Job{})
	time.Sleep(time.Minute)
	second := submit(t, s, store.Job{Queue: "wat_x"})
	equal(t, "of two", oldest(), first.CreatedAt)
	claim(t, s, "w", time.Hour)
	equal(t, "once the first is claimed", oldest(), second.CreatedAt)
	must[store.Job](t)(s.Cancel(t.Context(), second.ID, 0))
	equal(t, "once none is queued", oldest(), time.Time{})
}

func oldestPending(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	oldest := func() time.Time { return must[time.Time](t)(s.OldestPending(t.Context())) }
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{})
	equal(t, "without a delivery", oldest(), time.Time{})
	complete(t, s, 1)
	first := deliveries(t, s, store.DeliveryFilter{Status: api.DeliveryPending})[0].CreatedAt
	time.Sleep(time.Minute)
	setActive(t, s, hooks[0].ID, false)
	complete(t, s, 1)
	equal(t, "of two", oldest(), first)
	for _, c := range claimDeliveries(t, s, 1, 8) {
		record(t, s, c, store.Outcome{Status: api.DeliveryDelivered})
	}
	equal(t, "once the first is delivered, and what is held aside", oldest(), first.Add(time.Minute))
	setActive(t, s, hooks[0].ID, true)
	equal(t, "once what was held is pending again", oldest(), first)
}

// OldestQueued implements store.Jobs.
func (m *Model) OldestQueued(context.Context) (since time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldest := ""
	for _, j := range m.jobs {
		if j.Status == api.Queued && (oldest == "" || j.ID < oldest) {
			oldest, since = j.ID, j.CreatedAt
		}
	}
	return since, nil
}

// OldestPending implements store.Log.
func (m *Model) OldestPending(context.Context) (since time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldest := ""
	for _, d := range m.deliveries {
		if m.show(d).Status == api.DeliveryPending && (oldest == "" || d.ID < oldest) {
			oldest, since = d.ID, d.CreatedAt
		}
	}
	return since, nil
}
