package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func (m *Model) heldDelivery(tok store.Token) (d *modelDelivery, repeated bool, err error) {
	d = m.deliveries[tok.ID]
	switch {
	case d == nil:
		return nil, false, api.NotFound
	case m.hooks[d.WebhookID] == nil:
		return nil, false, api.LeaseLost
	case d.State == api.DeliveryInFlight && d.Revision == tok.Revision:
		d.spent = tok.Revision
		return d, false, nil
	case d.spent == tok.Revision:
		return d, true, nil
	}
	return nil, false, api.LeaseLost
}

// RecordAttempt implements Store.
func (m *Model) RecordAttempt(_ context.Context, tok store.Token, att api.Attempt, out store.Outcome) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, repeated, err := m.heldDelivery(tok)
	if err != nil || repeated {
		return "", err
	}
	d.giveBack()
	d.Attempts++
	d.State = out.State
	if out.State == api.DeliveryPending {
		if d.Due = plain(out.RetryAt); d.Due.IsZero() {
			d.Due = now()
		}
	} else {
		d.FinishedAt, d.Due = now(), time.Time{}
	}
	att.ID, att.Number = d.attemptID, d.Attempts
	d.attempts = append(d.attempts, att)
	return m.judge(m.hooks[d.WebhookID], out, d.Manual), nil
}

func (m *Model) judge(w *store.Webhook, out store.Outcome, manual bool) string {
	if out.State == api.DeliveryDelivered {
		w.ConsecutiveFailures, w.FirstFailureAt, w.LastFailureAt = 0, time.Time{}, time.Time{}
		return ""
	}
	if !manual {
		w.ConsecutiveFailures++
		if w.LastFailureAt = now(); w.FirstFailureAt.IsZero() {
			w.FirstFailureAt = now()
		}
	}
	reason := ""
	switch {
	case out.Gone:
		reason = api.DisabledGone
	case !manual && w.ConsecutiveFailures >= 10 && w.LastFailureAt.Sub(w.FirstFailureAt) >= 30*time.Minute:
		reason = api.DisabledFailing
	}
	if reason == "" || !w.Active {
		return ""
	}
	w.Active, w.DisabledAt, w.DisabledReason = false, now(), reason
	return reason
}

// ReleaseDelivery implements Store.
func (m *Model) ReleaseDelivery(_ context.Context, tok store.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, repeated, err := m.heldDelivery(tok)
	if err == nil && !repeated {
		d.giveBack()
	}
	return err
}

// Delivery implements Store.
func (m *Model) Delivery(_ context.Context, id string) (store.Delivery, []api.Attempt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.byAnyID(id); d != nil {
		return m.show(d), slices.Clone(d.attempts), nil
	}
	return store.Delivery{}, nil, api.NotFound
}

func (m *Model) byAnyID(id string) *modelDelivery {
	for _, d := range m.deliveries {
		if d.ID == id || d.attemptID == id || slices.ContainsFunc(d.attempts, func(a api.Attempt) bool { return a.ID == id }) {
			return d
		}
	}
	return nil
}

// Deliveries implements Store.
func (m *Model) Deliveries(_ context.Context, f store.DeliveryFilter, cursor string, limit int) (ds []store.Delivery, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.deliveries {
		d := m.show(d)
		if (f.Webhook == "" || d.WebhookID == f.Webhook) && (f.Job == "" || d.JobID == f.Job) && (f.State == "" || d.State == f.State) &&
			(f.Since.IsZero() || !d.CreatedAt.Before(f.Since)) && (f.Until.IsZero() || d.CreatedAt.Before(f.Until)) &&
			(cursor == "" || d.ID < cursor) {
			ds = append(ds, d)
		}
	}
	slices.SortFunc(ds, func(a, b store.Delivery) int { return strings.Compare(b.ID, a.ID) })
	if len(ds) > limit {
		ds = ds[:limit]
		next = ds[limit-1].ID
	}
	return ds, next, nil
}

// Redeliver implements Store.
func (m *Model) Redeliver(_ context.Context, deliveryID string) (store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.byAnyID(deliveryID)
	switch {
	case d == nil:
		return store.Delivery{}, api.NotFound
	case m.hooks[d.WebhookID] == nil:
		return store.Delivery{}, api.Conflict
	}
	return m.show(m.redeliver(d)), nil
}

func (m *Model) redeliver(d *modelDelivery) *modelDelivery {
	n := m.addDelivery(m.events[m.eventAt(d.EventID)], d.WebhookID, store.NewDeliveryID(now()))
	n.Manual, n.RedeliveryOf, n.root = true, d.ID, d.ID
	if d.root != "" {
		n.root = d.root
	}
	m.deliveries[n.root].latest = n.ID
	return n
}

// Replay implements Store.
func (m *Model) Replay(_ context.Context, webhookID string, since, until time.Time, states []api.DeliveryState, limit int) (n int, more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks[webhookID] == nil {
		return 0, false, api.NotFound
	}
	if until.IsZero() {
		until = now()
	}
	if len(states) == 0 {
		states = []api.DeliveryState{api.DeliveryFailed}
	}
	for _, id := range slices.Sorted(maps.Keys(m.deliveries)) {
		d := m.deliveries[id]
		last := d
		if d.latest != "" {
			last = m.deliveries[d.latest]
		}
		in := d.WebhookID == webhookID && d.root == "" && d.EventType != api.EventTest && !d.CreatedAt.Before(since) && d.CreatedAt.Before(until)
		if !in || !last.CreatedAt.Before(until) || !slices.Contains(states, m.show(last).State) {
			continue
		}
		if n == limit {
			return n, true, nil
		}
		m.redeliver(d)
		n++
	}
	return n, false, nil
}

func (m *Model) sorted(f store.JobFilter) []store.Job {
	var all []store.Job
	for _, j := range m.jobs {
		if (f.Status == "" || j.State == f.Status) && (f.Queue == "" || j.Queue == f.Queue) && (f.Since.IsZero() || !j.CreatedAt.Before(f.Since)) {
			all = append(all, j.Job)
		}
	}
	slices.SortFunc(all, func(a, b store.Job) int { return strings.Compare(b.ID, a.ID) })
	return all
}

// Jobs implements Store.
func (m *Model) Jobs(_ context.Context, f store.JobFilter, cursor string, limit int) (js []store.Job, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	js = slices.DeleteFunc(m.sorted(f), func(j store.Job) bool { return cursor != "" && j.ID >= cursor })
	if len(js) > limit {
		return js[:limit], js[limit-1].ID, nil
	}
	return js, "", nil
}

// JobsPage implements Store.
func (m *Model) JobsPage(_ context.Context, f store.JobFilter, offset, limit int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.sorted(f)
	offset = min(offset, len(all))
	return all[offset:min(offset+limit, len(all))], nil
}

// Job implements Store.
func (m *Model) Job(_ context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[id]; j != nil {
		return j.Job, nil
	}
	return store.Job{}, api.NotFound
}

// Result implements Store.
func (m *Model) Result(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[id]; j != nil && j.result != nil {
		return j.result, nil
	}
	return nil, api.NotFound
}

// Queues implements Store.
func (m *Model) Queues(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]bool{}
	for _, j := range m.jobs {
		if !j.State.Terminal() {
			names[j.Queue] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// NextJob implements Store.
func (m *Model) NextJob(_ context.Context, except ...string) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next time.Time
	for _, j := range m.jobs {
		if !j.State.Terminal() && !slices.Contains(except, j.Queue) && (next.IsZero() || j.due().Before(next)) {
			next = j.due()
		}
	}
	return next, !next.IsZero(), nil
}

// CountJobs implements Store.
func (m *Model) CountJobs(context.Context) (map[api.JobStatus]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := map[api.JobStatus]int{api.Queued: 0, api.Processing: 0, api.Completed: 0, api.Failed: 0, api.Cancelled: 0}
	for _, j := range m.jobs {
		n[j.State]++
	}
	return n, nil
}

// CountDeliveries implements Store.
func (m *Model) CountDeliveries(context.Context) (map[api.DeliveryState]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := map[api.DeliveryState]int{api.DeliveryPending: 0, api.DeliveryInFlight: 0, api.DeliveryDelivered: 0,
		api.DeliveryFailed: 0, api.DeliveryHeld: 0, api.DeliveryCancelled: 0}
	for _, d := range m.deliveries {
		n[m.show(d).State]++
	}
	return n, nil
}

// EventsSince implements Store.
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

// Event implements Store.
func (m *Model) Event(_ context.Context, id string) (store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.eventAt(id); i >= 0 {
		return m.events[i], nil
	}
	return store.Event{}, api.NotFound
}
