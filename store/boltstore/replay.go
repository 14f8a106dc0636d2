package boltstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Redeliver sends a delivery's event to its webhook once more: a new delivery
// with a fresh id and the same event. The delivery may be in any status, and is
// named by its own id or that of an attempt. It does not count for
// auto-disable.
func (db *DB) Redeliver(ctx context.Context, deliveryID string) (got store.Delivery, err error) {
	u, err := store.ParseID(api.DeliveryPrefix, deliveryID)
	if err != nil {
		return store.Delivery{}, err
	}
	err = db.update(ctx, func(t *tx) error {
		r, err := t.delivery(u.Delivery())
		if err != nil {
			return err
		}
		h := t.peek(r.hook)
		if h == nil || h.Deleted {
			return api.Errorf(api.Conflict, "its webhook %s is deleted", r.WebhookID)
		}
		d, err := t.redeliver(r, t.hook(r.hook))
		if err == nil {
			got = d.show(h)
		}
		return err
	})
	if err != nil {
		return store.Delivery{}, fmt.Errorf("redeliver %s: %w", deliveryID, err)
	}
	return got, nil
}

// redeliver makes a new delivery of r's event, and notes it with the original.
func (t *tx) redeliver(r *deliveryRecord, h *hook) (*deliveryRecord, error) {
	ev := store.Event{ID: r.EventID, Type: r.EventType, JobID: r.JobID, Seq: r.Seq}
	d := t.newDelivery(&ev, h, store.NewDeliveryUID(t.now))
	d.Manual, d.RedeliveryOf, d.Root = true, r.ID, r.ID
	original := r
	if r.Root != "" {
		d.Root = r.Root
		u, err := store.ParseID(api.DeliveryPrefix, r.Root)
		if err != nil {
			return nil, err
		}
		if original, err = t.delivery(u); err != nil {
			return nil, err
		}
	}
	t.addDelivery(d)
	original.Latest = d.ID
	t.saveDelivery(original)
	return d, nil
}

// Replay sends again what a webhook was sent in a window of time: the events
// whose first delivery was created at or after since and before until, and
// whose last delivery ended in one of the statuses; without statuses, those that
// failed for good. It makes at most limit deliveries and says whether there
// may be more. An event that was sent again at or after until is left out, so
// that calls with the same until, at or before the first call, go through the
// window once. The zero until means now, and is only for a single call. Tests
// are not replayed.
func (db *DB) Replay(ctx context.Context, webhookID string, since, until time.Time, statuses []api.DeliveryStatus, limit int) (n int, more bool, err error) {
	hook, err := store.ParseID(api.WebhookPrefix, webhookID)
	if err != nil {
		return 0, false, err
	}
	w := store.NewWindow(since, until, statuses, db.now())
	todo, more, err := db.replayable(ctx, webhookID, w, limit)
	if err != nil {
		return 0, false, fmt.Errorf("replay webhook %s: %w", webhookID, err)
	}
	for part := range slices.Chunk(todo, replayChunk) {
		made := 0
		err := db.update(ctx, func(t *tx) error {
			made = 0
			h := t.peek(hook)
			if h == nil || h.Deleted {
				return api.Errorf(api.NotFound, "there is no webhook %s", webhookID)
			}
			for _, u := range part {
				ok, err := t.replayOne(u, t.hook(hook), w)
				if err != nil {
					return err
				}
				if ok {
					made++
				}
			}
			return nil
		})
		n += made
		if err != nil {
			return n, true, fmt.Errorf("replay webhook %s: %w", webhookID, err)
		}
	}
	return n, more, nil
}

// replayChunk is how many deliveries one commit of Replay makes at most.
const replayChunk = 200

// replayable returns up to limit originals that a replay has to send.
func (db *DB) replayable(ctx context.Context, webhookID string, w store.Window, limit int) (todo []uid, more bool, err error) {
	u, err := store.ParseID(api.WebhookPrefix, webhookID)
	if err != nil {
		return nil, false, err
	}
	if h := db.hookNow(u); h == nil || h.Deleted {
		return nil, false, api.Errorf(api.NotFound, "there is no webhook %s", webhookID)
	}
	var originals []uid
	f := store.DeliveryFilter{Webhook: webhookID, Since: w.Since, Until: w.Until}
	err = db.eachDelivery(ctx, f, nil, func(r *deliveryRecord, _ *hook) bool {
		if w.Holds(&r.Delivery) {
			originals = append(originals, r.key)
		}
		return true
	})
	if err != nil {
		return nil, false, err
	}
	slices.Reverse(originals) // oldest first, as they were sent
	for part := range slices.Chunk(originals, maxRows) {
		err := db.view(ctx, func(t *tx) error {
			for _, u := range part {
				if len(todo) == limit {
					more = true
					return nil
				}
				r, err := t.delivery(u)
				if err != nil {
					return err
				}
				last, err := t.latest(r)
				if err != nil {
					return err
				}
				if wantsReplay(last, db.hookNow(last.hook), w) {
					todo = append(todo, u)
				}
			}
			return nil
		})
		if err != nil || more {
			return todo, more, err
		}
	}
	return todo, false, nil
}

func wantsReplay(last *deliveryRecord, h *hook, w store.Window) bool {
	d := last.show(h)
	return w.Wants(&d)
}

// latest returns the last delivery of an original's event.
func (t *tx) latest(r *deliveryRecord) (*deliveryRecord, error) {
	if r.Latest == "" {
		return r, nil
	}
	u, err := store.ParseID(api.DeliveryPrefix, r.Latest)
	if err != nil {
		return nil, err
	}
	return t.delivery(u)
}

// replayOne redelivers the original u, unless that is no longer wanted.
func (t *tx) replayOne(u uid, h *hook, w store.Window) (bool, error) {
	v := t.get(bDelivery, u[:])
	if v == nil {
		return false, nil // purged meanwhile
	}
	r, err := loadDelivery(v, u)
	if err != nil {
		return false, err
	}
	last, err := t.latest(r)
	if err != nil || !wantsReplay(last, h, w) {
		return false, err
	}
	_, err = t.redeliver(r, h)
	return err == nil, err
}
