package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// CreateWebhook records a receiver; the caller makes the id. A repeat with the
// same id returns what exists. With a limit above 0, one that would be over it
// is refused with api.Conflict.
func (db *DB) CreateWebhook(ctx context.Context, w store.Webhook, limit int) (got store.Webhook, err error) {
	u, err := store.ParseID(api.WebhookPrefix, w.ID)
	if err != nil {
		return store.Webhook{}, api.Errorf(api.Invalid, "create webhook: %q is not a webhook id", w.ID)
	}
	err = db.update(ctx, func(t *tx) error {
		if h := t.peek(u); h != nil {
			if h.Deleted {
				return api.Errorf(api.Conflict, "it was deleted")
			}
			got = h.Webhook.Clone()
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
		h := &hook{key: u, inflight: map[uid]int64{}, webhookRecord: webhookRecord{Webhook: store.NewWebhook(w, t.now)}}
		t.addHook(h)
		got = h.Webhook.Clone()
		return nil
	})
	if err != nil {
		return store.Webhook{}, fmt.Errorf("create webhook %s: %w", w.ID, err)
	}
	return got, nil
}

// Webhook returns the webhook with the given id, or api.NotFound.
func (db *DB) Webhook(ctx context.Context, id string) (store.Webhook, error) {
	u, err := store.ParseID(api.WebhookPrefix, id)
	if err != nil {
		return store.Webhook{}, err
	}
	if db.stopped() {
		return store.Webhook{}, errFailed
	}
	h := db.hookNow(u)
	if h == nil || h.Deleted {
		return store.Webhook{}, api.Errorf(api.NotFound, "there is no webhook %s", id)
	}
	return h.Webhook.Clone(), ctx.Err()
}

// Webhooks returns all webhooks, oldest first.
func (db *DB) Webhooks(ctx context.Context) ([]store.Webhook, error) {
	if db.stopped() {
		return nil, errFailed
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	ws := make([]store.Webhook, 0, len(db.order))
	for _, u := range db.order {
		if h := db.hooks[u]; !h.Deleted {
			ws = append(ws, h.Webhook.Clone())
		}
	}
	return ws, ctx.Err()
}

// UpdateWebhook changes a webhook: change gets its present form, and an error
// from it leaves all as it was. change runs inside a transaction, perhaps more
// than once, each time on a fresh copy: it must set what it finds out anew each
// time, have no other effect, and not call the store. Deactivating holds what waits
// for the webhook; activating makes all of it due at once, in several commits where
// much waits for a later time, and forgets the failures. The id, the revision, the health and
// the time of creation are not change's to set.
func (db *DB) UpdateWebhook(ctx context.Context, id string, change func(*store.Webhook) error) (got store.Webhook, err error) {
	var held []heldDelivery
	err = db.update(ctx, func(t *tx) error {
		held = nil
		h, err := t.liveHook(id)
		if err != nil {
			return err
		}
		next := h.Webhook.Clone()
		if err := change(&next); err != nil {
			return err
		}
		if next.Active && !h.Active {
			held = t.dueLater(h.key)
		}
		t.applyChange(h, next)
		got = h.Webhook.Clone()
		return nil
	})
	if err != nil {
		return store.Webhook{}, fmt.Errorf("update webhook %s: %w", id, err)
	}
	if err := db.hasten(ctx, held); err != nil {
		return store.Webhook{}, fmt.Errorf("send what was held for webhook %s: %w", id, err)
	}
	return got, nil
}

// heldDelivery is a delivery that waits for a time, and that time.
type heldDelivery struct {
	key uid
	due int64
}

// dueLater returns what waits for a webhook and is due after now.
func (t *tx) dueLater(hook uid) []heldDelivery {
	var later []heldDelivery
	c := t.at(bDue).Cursor()
	for k, _ := c.Seek(orderedKey(hook, uint64(t.now.UnixNano()+1), uid{})); bytes.HasPrefix(k, hook[:]); k, _ = c.Next() {
		due, u := splitOrderedKey(k)
		later = append(later, heldDelivery{u, int64(due)})
	}
	return later
}

// hasten makes deliveries due now, except for those that have changed meanwhile.
func (db *DB) hasten(ctx context.Context, held []heldDelivery) error {
	return db.moveDeliveries(ctx, held, (*store.Delivery).Hasten)
}

// moveDeliveries changes when deliveries are due, except for those that have
// changed meanwhile.
func (db *DB) moveDeliveries(ctx context.Context, held []heldDelivery, move func(d *store.Delivery, now time.Time)) error {
	for part := range slices.Chunk(held, deleteChunk) {
		err := db.update(ctx, func(t *tx) error {
			for _, d := range part {
				v := t.get(bDelivery, d.key[:])
				if v == nil {
					continue // deleted meanwhile
				}
				r, err := loadDelivery(v, d.key)
				if err != nil {
					return err
				}
				if r.dueKey() == d.due {
					move(&r.Delivery, t.now)
					t.saveDelivery(r)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) applyChange(h *hook, next store.Webhook) {
	was := h.Webhook
	h.Webhook = was.Changed(next, t.now)
	h.recordStale, t.wrote = true, true
	t.deliver = t.deliver || h.Active && !was.Active || h.RateLimit != was.RateLimit
	if was.Ordered != h.Ordered {
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
	for _, s := range []api.DeliveryStatus{api.DeliveryPending, api.DeliveryInFlight} {
		for _, k := range t.keysWith(bDeliveryStatus, append(h.key[:], deliveryStatusByte(s)), 0) {
			u := uid(k[17:])
			r, err := t.delivery(u)
			if t.skip(bDelivery, u[:], err) {
				continue
			}
			if err != nil {
				t.err = err
				return
			}
			t.put(bSeq, orderedKey(h.key, r.Seq, u), nil)
		}
	}
}

// WebhookCounts returns how many deliveries of a webhook are in each status.
func (db *DB) WebhookCounts(ctx context.Context, id string) (map[api.DeliveryStatus]int, error) {
	u, err := store.ParseID(api.WebhookPrefix, id)
	if err != nil {
		return nil, err
	}
	h := db.hookNow(u)
	if h == nil || h.Deleted {
		return nil, api.Errorf(api.NotFound, "there is no webhook %s", id)
	}
	n := make(map[api.DeliveryStatus]int)
	addCounts(n, h.counts[:], h)
	return n, ctx.Err()
}

func addCounts(n map[api.DeliveryStatus]int, counts []int, h *hook) {
	for s, c := range counts {
		if c != 0 {
			n[h.shown(deliveryStatuses[s])] += c
		}
	}
}

// deleteChunk is how many deliveries one commit of a deletion cancels.
const deleteChunk = 250

// DeleteWebhook removes a webhook; its log stays until it is purged. One with open
// deliveries gives api.Conflict, unless force is set: then they are cancelled, in
// several commits where there are many; from the first of them the webhook is
// gone for everybody, and Recover ends what a crash leaves.
func (db *DB) DeleteWebhook(ctx context.Context, id string, force bool) error {
	var u uid
	err := db.update(ctx, func(t *tx) error {
		h, err := t.liveHook(id)
		if err != nil {
			return err
		}
		if !force {
			counts := map[api.DeliveryStatus]int{}
			addCounts(counts, h.counts[:], h)
			if err := store.RefuseOpen("webhook "+id, counts); err != nil {
				return err
			}
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
			return fmt.Errorf("cancel the deliveries of webhook %s: %w", store.FormatID(api.WebhookPrefix, u), err)
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
	for _, s := range []api.DeliveryStatus{api.DeliveryPending, api.DeliveryInFlight} {
		keys := t.keysWith(bDeliveryStatus, append(h.key[:], deliveryStatusByte(s)), deleteChunk)
		for _, k := range keys {
			r, err := t.delivery(uid(k[17:]))
			if t.skip(bDelivery, k[17:], err) {
				t.del(bDeliveryStatus, k)
				continue
			}
			if err != nil {
				return false, err
			}
			r.Cancel(t.now)
			t.saveDelivery(r)
		}
		if len(keys) == deleteChunk {
			return false, nil
		}
	}
	t.removeHook(h)
	return true, nil
}
