package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// post writes an event of a job with its deliveries.
func (m *Model) post(j *store.Job, ev store.Event) {
	if ev.ID == "" || m.eventAt(ev.ID) >= 0 {
		return
	}
	ev.JobID = j.ID
	ev = m.addEvent(ev)
	for _, id := range slices.Sorted(maps.Keys(m.hooks)) {
		w := m.hooks[id]
		if (len(j.Webhooks) == 0 || slices.Contains(j.Webhooks, id)) && (len(w.Events) == 0 || slices.Contains(w.Events, ev.Type)) {
			m.addDelivery(ev, id, store.DeliveryID(ev, id))
		}
	}
}

func (m *Model) eventAt(id string) int {
	return slices.IndexFunc(m.events, func(e store.Event) bool { return e.ID == id })
}

func (m *Model) addEvent(ev store.Event) store.Event {
	if ev.CreatedAt.IsZero() {
		ev.CreatedAt = now()
	}
	m.seq++
	ev.Seq = m.seq
	m.events = append(m.events, ev)
	if ev.JobID == "" {
		m.purgeAt[ev.ID] = now()
	}
	return ev
}

func (m *Model) addDelivery(ev store.Event, hook, id string) *modelDelivery {
	d := &modelDelivery{Delivery: store.Delivery{ID: id, Revision: 1, State: api.DeliveryPending, EventID: ev.ID, EventType: ev.Type,
		WebhookID: hook, JobID: ev.JobID, Seq: ev.Seq, CreatedAt: now(), Due: now()}}
	m.deliveries[id] = d
	return d
}

// PostEvent implements Store.
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

func (m *Model) show(d *modelDelivery) store.Delivery {
	out := d.Delivery
	if w := m.hooks[d.WebhookID]; w != nil && !w.Active && d.State == api.DeliveryPending {
		out.State = api.DeliveryHeld
	}
	return out
}

// CreateWebhook implements Store.
func (m *Model) CreateWebhook(_ context.Context, w store.Webhook, limit int) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.hooks[w.ID]; old != nil {
		return *old, nil
	}
	if limit > 0 && len(m.hooks) >= limit {
		return store.Webhook{}, api.Conflict
	}
	w.Revision = 1
	if w.CreatedAt.IsZero() {
		w.CreatedAt = now()
	}
	m.hooks[w.ID] = &w
	return w, nil
}

// Webhook implements Store.
func (m *Model) Webhook(_ context.Context, id string) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.hooks[id]; w != nil {
		return *w, nil
	}
	return store.Webhook{}, api.NotFound
}

// Webhooks implements Store.
func (m *Model) Webhooks(context.Context) ([]store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ws []store.Webhook
	for _, id := range slices.Sorted(maps.Keys(m.hooks)) {
		ws = append(ws, *m.hooks[id])
	}
	return ws, nil
}

// UpdateWebhook implements Store.
func (m *Model) UpdateWebhook(_ context.Context, id string, change func(*store.Webhook) error) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.hooks[id]
	if w == nil {
		return store.Webhook{}, api.NotFound
	}
	next := *w
	if err := change(&next); err != nil {
		return store.Webhook{}, err
	}
	next.ID, next.CreatedAt, next.Revision = w.ID, w.CreatedAt, w.Revision+1
	next.ConsecutiveFailures, next.FirstFailureAt, next.LastFailureAt = w.ConsecutiveFailures, w.FirstFailureAt, w.LastFailureAt
	switch {
	case next.Active && !w.Active:
		next.ConsecutiveFailures, next.FirstFailureAt, next.LastFailureAt = 0, time.Time{}, time.Time{}
		next.DisabledAt, next.DisabledReason = time.Time{}, ""
	case !next.Active && w.Active:
		next.DisabledAt, next.DisabledReason = now(), cmp.Or(next.DisabledReason, api.DisabledByUser)
	default:
		next.DisabledAt, next.DisabledReason = w.DisabledAt, w.DisabledReason
	}
	m.hooks[id] = &next
	return next, nil
}

// DeleteWebhook implements Store.
func (m *Model) DeleteWebhook(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks[id] == nil {
		return api.NotFound
	}
	delete(m.hooks, id)
	for _, d := range m.deliveries {
		if d.WebhookID == id && (d.State == api.DeliveryPending || d.State == api.DeliveryInFlight) {
			d.giveBack()
			d.State, d.FinishedAt, d.Due = api.DeliveryCancelled, now(), time.Time{}
		}
	}
	return nil
}

// line returns the open deliveries of a webhook as they would be served.
func (m *Model) line(w *store.Webhook) []*modelDelivery {
	var all []*modelDelivery
	for _, d := range m.deliveries {
		if d.WebhookID == w.ID && (d.State == api.DeliveryPending || d.State == api.DeliveryInFlight) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *modelDelivery) int {
		if w.Ordered && a.Seq != b.Seq {
			return cmp.Compare(a.Seq, b.Seq)
		}
		if c := a.Due.Compare(b.Due); c != 0 && !w.Ordered {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	if w.Ordered && len(all) > 1 {
		rest := slices.DeleteFunc(slices.Clone(all[1:]), func(d *modelDelivery) bool { return d.State == api.DeliveryPending })
		all = append(all[:1], rest...)
	}
	return all
}

// ready returns when each delivery of a webhook can be claimed, in order.
func (m *Model) ready(w *store.Webhook, perWebhook int) (ds []*modelDelivery, at []time.Time) {
	room := perWebhook
	if w.Ordered || w.ConsecutiveFailures >= 5 {
		room = 1
	}
	line := m.line(w)
	for _, d := range line {
		if d.State == api.DeliveryInFlight {
			room--
			ds, at = append(ds, d), append(at, d.LeaseUntil)
		}
	}
	for _, d := range line {
		if d.State == api.DeliveryPending && w.Active && room > 0 {
			room--
			due := d.Due
			if b := m.blocked[w.ID]; b.After(due) {
				due = b
			}
			ds, at = append(ds, d), append(at, due)
		}
	}
	return ds, at
}

// ClaimDeliveries implements Store.
func (m *Model) ClaimDeliveries(_ context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.perWebhook = perWebhook
	var got []store.ClaimedDelivery
	lines := map[string][]*modelDelivery{}
	for id, w := range m.hooks {
		ds, at := m.ready(w, perWebhook)
		for i, d := range ds {
			switch {
			case at[i].After(now()):
			case !w.Active:
				d.giveBack()
			default:
				lines[id] = append(lines[id], d)
			}
		}
	}
	order := slices.Sorted(maps.Keys(lines))
	if i, _ := slices.BinarySearch(order, m.lastServed+"~"); i < len(order) {
		order = append(slices.Clone(order[i:]), order[:i]...)
	}
	for served := true; served; {
		served = false
		for _, id := range order {
			if len(lines[id]) == 0 || len(got) == n {
				continue
			}
			d := lines[id][0]
			lines[id] = lines[id][1:]
			if !m.admit(m.hooks[id]) {
				lines[id] = nil
				continue
			}
			got = append(got, m.take(d, owner, ttl))
			m.lastServed, served = id, true
		}
	}
	return got, nil
}

func (m *Model) admit(w *store.Webhook) bool {
	if m.opts.Admit == nil {
		return true
	}
	wait := m.opts.Admit(*w)
	if wait > 0 {
		m.blocked[w.ID] = now().Add(wait)
	}
	return wait <= 0
}

func (m *Model) take(d *modelDelivery, owner string, ttl time.Duration) store.ClaimedDelivery {
	d.Revision++
	d.State, d.Owner, d.LeaseUntil = api.DeliveryInFlight, owner, now().Add(ttl)
	d.attemptID = store.NewID(api.DeliveryPrefix)
	return store.ClaimedDelivery{Delivery: d.Delivery, AttemptID: d.attemptID, Webhook: *m.hooks[d.WebhookID], Event: m.events[m.eventAt(d.EventID)]}
}

func (d *modelDelivery) giveBack() {
	d.Revision++
	d.State, d.Owner, d.LeaseUntil = api.DeliveryPending, "", time.Time{}
}

// NextDelivery implements Store.
func (m *Model) NextDelivery(context.Context) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next time.Time
	for _, w := range m.hooks {
		_, at := m.ready(w, m.perWebhook)
		for _, a := range at {
			if next.IsZero() || a.Before(next) {
				next = a
			}
		}
	}
	return next, !next.IsZero(), nil
}
