package storetest

import (
	"context"
	"maps"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// CreateWebhook implements store.Webhooks.
func (m *Model) CreateWebhook(_ context.Context, w store.Webhook, limit int) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.hooks[w.ID]; old != nil {
		return old.Clone(), nil
	}
	if limit > 0 && len(m.hooks) >= limit {
		return store.Webhook{}, api.Conflict
	}
	w = store.NewWebhook(w, m.now())
	m.hooks[w.ID] = &w
	return w.Clone(), nil
}

// Webhook implements store.Webhooks.
func (m *Model) Webhook(_ context.Context, id string) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.hooks[id]; w != nil {
		return w.Clone(), nil
	}
	return store.Webhook{}, api.NotFound
}

// Webhooks implements store.Webhooks.
func (m *Model) Webhooks(context.Context) ([]store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ws []store.Webhook
	for _, id := range slices.Sorted(maps.Keys(m.hooks)) {
		ws = append(ws, m.hooks[id].Clone())
	}
	return ws, nil
}

// UpdateWebhook implements store.Webhooks. It runs change twice, as a backend
// that repeats a transaction may.
func (m *Model) UpdateWebhook(_ context.Context, id string, change func(*store.Webhook) error) (store.Webhook, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.hooks[id]
	if w == nil {
		return store.Webhook{}, api.NotFound
	}
	var next store.Webhook
	for range 2 {
		next = w.Clone()
		if err := change(&next); err != nil {
			return store.Webhook{}, err
		}
	}
	if next.Active && !w.Active {
		for _, d := range m.deliveries {
			if d.WebhookID == id && d.Status == api.DeliveryPending && d.Due.After(m.now()) {
				d.Hasten(m.now())
			}
		}
	}
	next = w.Changed(next, m.now())
	m.hooks[id] = &next
	signal(m.deliveriesReady)
	return next.Clone(), nil
}

// WebhookCounts implements store.Webhooks.
func (m *Model) WebhookCounts(_ context.Context, id string) (map[api.DeliveryStatus]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks[id] == nil {
		return nil, api.NotFound
	}
	n := map[api.DeliveryStatus]int{}
	for _, d := range m.deliveries {
		if d.WebhookID == id {
			n[m.show(d).Status]++
		}
	}
	return n, nil
}

// DeleteWebhook implements store.Webhooks.
func (m *Model) DeleteWebhook(_ context.Context, id string, force bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hooks[id] == nil {
		return api.NotFound
	}
	if !force && m.anyOpen(func(d *modelDelivery) bool { return d.WebhookID == id }) {
		return api.Conflict
	}
	for _, d := range m.deliveries {
		if d.WebhookID == id && store.Keeps(d.Status) {
			d.Cancel(m.now())
		}
	}
	delete(m.hooks, id)
	return nil
}

// anyOpen reports whether a delivery that is selected is open.
func (m *Model) anyOpen(selected func(*modelDelivery) bool) bool {
	for _, d := range m.deliveries {
		if selected(d) && store.Keeps(m.show(d).Status) {
			return true
		}
	}
	return false
}
