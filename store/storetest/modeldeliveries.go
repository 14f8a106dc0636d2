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

type modelDelivery struct {
	store.Delivery
	attempts  []api.Attempt
	attemptID string // of the last claim
	spent     uint64
	latest    string
	root      string
}

func (m *Model) addDelivery(ev store.Event, hook, id string) *modelDelivery {
	d := &modelDelivery{Delivery: store.NewDelivery(id, &ev, hook, m.now())}
	m.deliveries[id] = d
	signal(m.deliveriesReady)
	return d
}

func (m *Model) show(d *modelDelivery) store.Delivery {
	out := d.Delivery
	out.Status = store.ShownStatus(d.Status, m.hooks[d.WebhookID])
	return out
}

// line returns the open deliveries of a webhook as they would be served.
func (m *Model) line(w *store.Webhook) []*modelDelivery {
	var all []*modelDelivery
	for _, d := range m.deliveries {
		if d.WebhookID == w.ID && store.Keeps(d.Status) {
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
		rest := slices.DeleteFunc(slices.Clone(all[1:]), func(d *modelDelivery) bool { return d.Status == api.DeliveryPending })
		all = append(all[:1], rest...)
	}
	return all
}

// ready returns when each delivery of a webhook can be claimed, in order.
func (m *Model) ready(w *store.Webhook, perWebhook int) (ds []*modelDelivery, at []time.Time) {
	room := w.Room(perWebhook)
	line := m.line(w)
	add := func(d *modelDelivery, due time.Time) {
		if limit := w.ClaimableAt(); limit.After(due) {
			due = limit
		}
		ds, at = append(ds, d), append(at, due)
	}
	for _, d := range line {
		if d.Status == api.DeliveryInFlight {
			room--
			add(d, d.LeaseUntil)
		}
	}
	for _, d := range line {
		if d.Status == api.DeliveryPending && w.Active && room > 0 {
			room--
			add(d, d.Due)
		}
	}
	return ds, at
}

// AwaitDeliveries claims what is due; it waits for nothing, as a backend may.
func (m *Model) AwaitDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	return m.ClaimDeliveries(ctx, owner, ttl, n, perWebhook)
}

// ClaimDeliveries implements store.Outbox.
func (m *Model) ClaimDeliveries(_ context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var got []store.ClaimedDelivery
	lines := map[string][]*modelDelivery{}
	for id, w := range m.hooks {
		ds, at := m.ready(w, perWebhook)
		for i, d := range ds {
			switch {
			case at[i].After(m.now()):
			case !w.Active:
				d.EndLease()
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
			if len(lines[id]) == 0 || len(got) == n || m.hooks[id].ClaimableAt().After(m.now()) {
				continue
			}
			d := lines[id][0]
			lines[id] = lines[id][1:]
			got = append(got, m.take(d, owner, ttl))
			m.lastServed, served = id, true
		}
	}
	return got, nil
}

func (m *Model) take(d *modelDelivery, owner string, ttl time.Duration) store.ClaimedDelivery {
	w := m.hooks[d.WebhookID]
	d.Claim(owner, m.now(), ttl)
	w.CountClaim(m.now())
	d.attemptID = store.NewID(api.DeliveryPrefix)
	return store.ClaimedDelivery{Delivery: d.Delivery, AttemptID: d.attemptID, Webhook: w.Clone(), Event: m.events[m.eventAt(d.EventID)]}
}

// NextDelivery implements store.Outbox.
func (m *Model) NextDelivery(_ context.Context, perWebhook int) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next time.Time
	for _, w := range m.hooks {
		_, at := m.ready(w, perWebhook)
		for _, a := range at {
			if next.IsZero() || a.Before(next) {
				next = a
			}
		}
	}
	return next, !next.IsZero(), nil
}

func (m *Model) leasedDelivery(tok store.Token) (d *modelDelivery, repeated bool, err error) {
	d = m.deliveries[tok.ID]
	switch {
	case d == nil:
		return nil, false, api.NotFound
	case m.hooks[d.WebhookID] == nil:
		return nil, false, api.LeaseLost
	case d.Status == api.DeliveryInFlight && d.Revision == tok.Revision:
		d.spent = tok.Revision
		return d, false, nil
	case d.spent == tok.Revision:
		return d, true, nil
	}
	return nil, false, api.LeaseLost
}

// RecordAttempt implements store.Outbox.
func (m *Model) RecordAttempt(_ context.Context, tok store.Token, att api.Attempt, out store.Outcome) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := out.Check(); err != nil {
		return "", err
	}
	d, repeated, err := m.leasedDelivery(tok)
	if err != nil || repeated {
		return "", err
	}
	d.Record(out, m.now())
	att.ID, att.Number = d.attemptID, d.Attempts
	d.attempts = append(d.attempts, att)
	_, disabled := m.hooks[d.WebhookID].Count(out, d.Manual, m.now(), m.opts.DisableAfter)
	return disabled, nil
}

// ReleaseDelivery implements store.Outbox.
func (m *Model) ReleaseDelivery(_ context.Context, tok store.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, repeated, err := m.leasedDelivery(tok)
	if err == nil && !repeated {
		d.EndLease()
	}
	return err
}

// Delivery implements store.Log.
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

// Deliveries implements store.Log.
func (m *Model) Deliveries(_ context.Context, f store.DeliveryFilter, cursor string, limit int) (ds []store.Delivery, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.deliveries {
		if d := m.show(d); f.Passes(&d) && (cursor == "" || d.ID < cursor) {
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

// CountDeliveries implements store.Log.
func (m *Model) CountDeliveries(context.Context) (map[api.DeliveryStatus]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := map[api.DeliveryStatus]int{api.DeliveryPending: 0, api.DeliveryInFlight: 0, api.DeliveryDelivered: 0,
		api.DeliveryFailed: 0, api.DeliveryHeld: 0, api.DeliveryCancelled: 0}
	for _, d := range m.deliveries {
		n[m.show(d).Status]++
	}
	return n, nil
}

// Redeliver implements store.Log.
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
	n := m.addDelivery(m.events[m.eventAt(d.EventID)], d.WebhookID, store.FormatID(api.DeliveryPrefix, store.NewDeliveryUID(m.now())))
	n.Manual, n.RedeliveryOf, n.root = true, d.ID, d.ID
	if d.root != "" {
		n.root = d.root
	}
	m.deliveries[n.root].latest = n.ID
	return n
}

// Replay implements store.Log.
func (m *Model) Replay(_ context.Context, webhookID string, since, until time.Time, statuses []api.DeliveryStatus, limit int) (n int, more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks[webhookID] == nil {
		return 0, false, api.NotFound
	}
	w := store.NewWindow(since, until, statuses, m.now())
	for _, id := range slices.Sorted(maps.Keys(m.deliveries)) {
		d := m.deliveries[id]
		last := d
		if d.latest != "" {
			last = m.deliveries[d.latest]
		}
		shown := m.show(last)
		if d.WebhookID != webhookID || !w.Holds(&d.Delivery) || !w.Wants(&shown) {
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
