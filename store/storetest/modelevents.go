package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// seqStep is how far the sequence numbers of a model are apart.
const seqStep = 3

// post writes an event of a job with its deliveries.
func (m *Model) post(j *store.Job, ev store.Event) {
	if ev.ID == "" || m.eventAt(ev.ID) >= 0 {
		return
	}
	ev.JobID = j.ID
	ev = m.addEvent(ev)
	for _, id := range slices.Sorted(maps.Keys(m.hooks)) {
		if m.hooks[id].Receives(j, ev.Type) {
			m.addDelivery(ev, id, store.DeliveryID(ev, id))
		}
	}
}

func (m *Model) eventAt(id string) int {
	return slices.IndexFunc(m.events, func(e store.Event) bool { return e.ID == id })
}

func (m *Model) addEvent(ev store.Event) store.Event {
	if ev.CreatedAt.IsZero() {
		ev.CreatedAt = m.now()
	}
	ev.CreatedAt = store.Timestamp(ev.CreatedAt)
	m.seq += seqStep
	ev.Seq = m.seq
	m.events = append(m.events, ev)
	if ev.JobID == "" {
		m.purgeAt[ev.ID] = m.now()
	}
	signal(m.eventsReady)
	return ev
}

// PostEvent implements store.Webhooks.
func (m *Model) PostEvent(_ context.Context, ev store.Event, webhookIDs []string, manual bool) ([]store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range webhookIDs {
		if m.hooks[id] == nil {
			return nil, api.NotFound
		}
	}
	ev.JobID = ""
	i := m.eventAt(ev.ID)
	if i < 0 {
		ev = m.addEvent(ev)
	} else {
		ev = m.events[i]
	}
	var ds []store.Delivery
	for _, id := range webhookIDs {
		d := m.deliveries[store.DeliveryID(ev, id)]
		if i < 0 {
			d = m.addDelivery(ev, id, store.DeliveryID(ev, id))
			d.Manual = manual
		}
		if d != nil {
			ds = append(ds, m.show(d))
		}
	}
	return ds, nil
}

// EventsSince implements store.Events.
func (m *Model) EventsSince(_ context.Context, seq uint64, limit int) ([]store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var evs []store.Event
	for _, e := range m.events {
		if e.Seq > seq && len(evs) < min(limit, 200) {
			evs = append(evs, e)
		}
	}
	return evs, nil
}

// LastEvent implements store.Events.
func (m *Model) LastEvent(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq, nil
}

// Purge implements store.Keeper. The limit counts exactly.
func (m *Model) Purge(_ context.Context, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	due := func(at time.Time, open bool) (time.Time, bool) {
		for open && at.Before(before) {
			at = store.PurgeLater(at)
		}
		return at, at.Before(before)
	}
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		j := m.jobs[id]
		if !j.Status.Terminal() || n == limit {
			continue
		}
		var purge bool
		open := m.open(func(d *modelDelivery) bool { return d.JobID == id }) || m.finishing(&j.Job)
		if j.purgeAt, purge = due(j.purgeAt, open); purge {
			m.drop(id)
			n++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.purgeAt)) {
		if n == limit {
			break
		}
		of := func(d *modelDelivery) bool { return d.EventID == id }
		var purge bool
		if m.purgeAt[id], purge = due(m.purgeAt[id], m.open(of)); purge {
			delete(m.purgeAt, id)
			maps.DeleteFunc(m.deliveries, func(_ string, d *modelDelivery) bool { return of(d) })
			m.events = slices.DeleteFunc(m.events, func(e store.Event) bool { return e.ID == id })
			n++
		}
	}
	m.purgeFolders(before)
	return n, nil
}

func (m *Model) open(of func(*modelDelivery) bool) bool {
	for _, d := range m.deliveries {
		if of(d) && store.Keeps(m.show(d).Status) {
			return true
		}
	}
	return false
}
