package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
)

// clone copies what a webhook points to, so that no caller shares it with the
// store.
func (w Webhook) clone() Webhook {
	w.Events = slices.Clone(w.Events)
	w.Secret = bytes.Clone(w.Secret)
	w.PreviousSecret = bytes.Clone(w.PreviousSecret)
	return w
}

// CreateWebhook records a receiver; the caller makes the id. A repeat with the
// same id returns what exists. With a limit above 0, one that would be over it
// is refused with api.Conflict.
func (db *DB) CreateWebhook(ctx context.Context, w Webhook, limit int) (got Webhook, err error) {
	u, err := parseID(api.WebhookPrefix, w.ID)
	if err != nil {
		return Webhook{}, api.Errorf(api.Invalid, "create webhook: %q is not a webhook id", w.ID)
	}
	err = db.update(ctx, func(t *tx) error {
		if h := t.peek(u); h != nil {
			if h.Deleted {
				return api.Errorf(api.Conflict, "it was deleted")
			}
			got = h.Webhook.clone()
			return nil
		}
		live := 0
		for _, u := range t.order {
			if !t.peek(u).Deleted {
				live++
			}
		}
		if limit > 0 && live >= limit {
			return api.Errorf(api.Conflict, "there are %d webhooks already, and the limit is %d", live, limit)
		}
		h := &hook{key: u, inflight: map[uid]int64{}, webhookRecord: webhookRecord{Webhook: w.clone()}}
		h.Revision = 1
		h.ConsecutiveFailures, h.FirstFailureAt, h.LastFailureAt = 0, time.Time{}, time.Time{}
		if h.CreatedAt.IsZero() {
			h.CreatedAt = t.now
		}
		h.CreatedAt = fromNanos(nanos(h.CreatedAt))
		t.addHook(h)
		got = h.Webhook.clone()
		return nil
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("create webhook %s: %w", w.ID, err)
	}
	return got, nil
}

// Webhook returns the webhook with the given id, or api.NotFound.
func (db *DB) Webhook(ctx context.Context, id string) (Webhook, error) {
	u, err := parseID(api.WebhookPrefix, id)
	if err != nil {
		return Webhook{}, err
	}
	if db.stopped() {
		return Webhook{}, errFailed
	}
	h := db.hookNow(u)
	if h == nil || h.Deleted {
		return Webhook{}, api.Errorf(api.NotFound, "there is no webhook %s", id)
	}
	return h.Webhook.clone(), ctx.Err()
}

// Webhooks returns all webhooks, oldest first.
func (db *DB) Webhooks(ctx context.Context) ([]Webhook, error) {
	if db.stopped() {
		return nil, errFailed
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	ws := make([]Webhook, 0, len(db.order))
	for _, u := range db.order {
		if h := db.hooks[u]; !h.Deleted {
			ws = append(ws, h.Webhook.clone())
		}
	}
	return ws, ctx.Err()
}

// UpdateWebhook changes a webhook: change gets its present form, and an error
// from it leaves all as it was. change runs inside a transaction and must not
// call the store. Deactivating holds what waits for the webhook; activating
// releases it and forgets the failures. The id, the revision, the health and
// the time of creation are not change's to set.
func (db *DB) UpdateWebhook(ctx context.Context, id string, change func(*Webhook) error) (got Webhook, err error) {
	err = db.update(ctx, func(t *tx) error {
		h, err := t.liveHook(id)
		if err != nil {
			return err
		}
		next := h.Webhook.clone()
		if err := change(&next); err != nil {
			return err
		}
		t.applyChange(h, next)
		got = h.Webhook.clone()
		return nil
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("update webhook %s: %w", id, err)
	}
	return got, nil
}

func (t *tx) applyChange(h *hook, next Webhook) {
	was := h.Webhook
	next.ID, next.Revision, next.CreatedAt, next.Temporary = was.ID, was.Revision, was.CreatedAt, was.Temporary
	next.ConsecutiveFailures, next.FirstFailureAt, next.LastFailureAt = was.ConsecutiveFailures, was.FirstFailureAt, was.LastFailureAt
	next.PreviousUntil = fromNanos(nanos(next.PreviousUntil))
	switch {
	case next.Active:
		next.DisabledAt, next.DisabledReason = time.Time{}, ""
		if !was.Active {
			next.ConsecutiveFailures, next.FirstFailureAt, next.LastFailureAt = 0, time.Time{}, time.Time{}
			t.deliver = true
		}
	case was.Active:
		next.DisabledAt = t.now
		if next.DisabledReason == "" {
			next.DisabledReason = api.DisabledByUser
		}
	default:
		next.DisabledAt, next.DisabledReason = was.DisabledAt, was.DisabledReason
	}
	h.Webhook = next
	h.blocked = time.Time{}
	t.changed(h)
	if was.Ordered != next.Ordered {
		t.reorder(h)
	}
}

// reorder makes or drops the index by event of a webhook's open deliveries.
func (t *tx) reorder(h *hook) {
	h.headStale, t.deliver = true, true
	if !h.Ordered {
		for _, k := range t.keysWith(bSeq, h.key[:], 0) {
			t.del(bSeq, k)
		}
		return
	}
	for _, s := range []api.DeliveryState{api.DeliveryPending, api.DeliveryInFlight} {
		for _, k := range t.keysWith(bState, append(h.key[:], deliveryStateByte(s)), 0) {
			u := uid(k[17:])
			r, err := t.delivery(u)
			if err != nil {
				t.err = err
				return
			}
			t.put(bSeq, orderedKey(h.key, r.Seq, u), nil)
		}
	}
}

// WebhookCounts returns how many deliveries of a webhook are in each state.
func (db *DB) WebhookCounts(ctx context.Context, id string) (map[api.DeliveryState]int, error) {
	u, err := parseID(api.WebhookPrefix, id)
	if err != nil {
		return nil, err
	}
	h := db.hookNow(u)
	if h == nil || h.Deleted {
		return nil, api.Errorf(api.NotFound, "there is no webhook %s", id)
	}
	n := make(map[api.DeliveryState]int)
	addCounts(n, h.counts[:], h)
	return n, ctx.Err()
}

func addCounts(n map[api.DeliveryState]int, counts []int, h *hook) {
	for s, c := range counts {
		if c != 0 {
			n[shown(deliveryStates[s], h)] += c
		}
	}
}

// deleteChunk is how many deliveries one commit of a deletion cancels.
const deleteChunk = 250

// DeleteWebhook removes a webhook; its log stays until it is purged. What is
// open is cancelled, in several commits where there is much; from the first of
// them the webhook is gone for everybody, and Recover ends what a crash leaves.
func (db *DB) DeleteWebhook(ctx context.Context, id string) error {
	var u uid
	err := db.update(ctx, func(t *tx) error {
		h, err := t.liveHook(id)
		if err != nil {
			return err
		}
		u = h.key
		h.Deleted = true
		t.changed(h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete webhook %s: %w", id, err)
	}
	return db.finishDelete(ctx, u)
}

func (db *DB) finishDelete(ctx context.Context, u uid) error {
	for done := false; !done; {
		err := db.update(ctx, func(t *tx) error {
			var err error
			done, err = t.cancelOpen(u)
			return err
		})
		if err != nil {
			return fmt.Errorf("cancel the deliveries of webhook %s: %w", idString(api.WebhookPrefix, u), err)
		}
	}
	return nil
}

// cancelOpen cancels some open deliveries of a deleted webhook, and removes
// the webhook when there is none left.
func (t *tx) cancelOpen(u uid) (done bool, err error) {
	h := t.hook(u)
	if h == nil {
		return true, nil
	}
	for _, s := range []api.DeliveryState{api.DeliveryPending, api.DeliveryInFlight} {
		keys := t.keysWith(bState, append(h.key[:], deliveryStateByte(s)), deleteChunk)
		for _, k := range keys {
			r, err := t.delivery(uid(k[17:]))
			if err != nil {
				return false, err
			}
			r.Revision++
			r.State, r.FinishedAt = api.DeliveryCancelled, t.now
			r.Owner, r.LeaseUntil, r.Due = "", time.Time{}, time.Time{}
			t.saveDelivery(r)
		}
		if len(keys) == deleteChunk {
			return false, nil
		}
	}
	t.removeHook(h)
	return true, nil
}
