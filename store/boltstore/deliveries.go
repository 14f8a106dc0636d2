package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func loadDelivery(v []byte, u uid) (*deliveryRecord, error) {
	if v == nil {
		return nil, api.Errorf(api.NotFound, "there is no delivery %s", store.FormatID(api.DeliveryPrefix, u))
	}
	r := &deliveryRecord{key: u}
	if err := decode(v, deliveryVersion, r); err != nil {
		return nil, fmt.Errorf("read delivery %s: %w", store.FormatID(api.DeliveryPrefix, u), err)
	}
	hook, err := store.ParseID(api.WebhookPrefix, r.WebhookID)
	if err != nil {
		return nil, fmt.Errorf("read delivery %s: %w", r.ID, errRecord)
	}
	r.hook = hook
	r.indexed()
	return r, nil
}

// show returns the delivery as others see it.
func (r *deliveryRecord) show(h *hook) store.Delivery {
	d := r.Delivery
	d.Status = h.shown(d.Status)
	return d
}

// ClaimDeliveries takes up to n deliveries that are due, for ttl each, so that
// no webhook has more than perWebhook in flight, nor more than one that is
// ordered or has failed five times running. It takes turns between the webhooks,
// beginning after the last one served. A delivery whose lease ran out is due
// again, uncharged.
func (db *DB) ClaimDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	var claimed []store.ClaimedDelivery
	err := db.updateAs(ctx, &op{claim: true, run: func(t *tx) error {
		var err error
		claimed, err = t.claimDeliveries(owner, ttl, n, perWebhook)
		return err
	}})
	return db.claimedDeliveries(ctx, claimed, err)
}

// AwaitDeliveries claims as ClaimDeliveries does. Where there is nothing to claim
// it waits for the commit that makes a delivery due or gives a webhook room, and
// claims in that commit. It does not wait for a time to come. Once ctx ends it
// returns none.
func (db *DB) AwaitDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	var claimed []store.ClaimedDelivery
	err := db.await(ctx, waitDeliveries, func(t *tx) (bool, error) {
		var err error
		claimed, err = t.claimDeliveries(owner, ttl, n, perWebhook)
		return len(claimed) > 0, err
	})
	return db.claimedDeliveries(ctx, claimed, err)
}

// claimedDeliveries gives claims their events; err is that of the claim.
func (db *DB) claimedDeliveries(ctx context.Context, claimed []store.ClaimedDelivery, err error) ([]store.ClaimedDelivery, error) {
	if err == nil {
		claimed, err = db.addEvents(ctx, claimed)
	}
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return claimed, nil
}

// line is what one webhook could have claimed now.
type line struct {
	hook uid
	due  []uid
}

func (t *tx) claimDeliveries(owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error) {
	lines := t.dueLines(n, perWebhook)
	var claimed []store.ClaimedDelivery
	for len(claimed) < n && len(lines) > 0 {
		left := lines[:0]
		for _, l := range lines {
			if len(claimed) == n {
				break
			}
			c, ok, err := t.claimDelivery(l, owner, ttl)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			claimed = append(claimed, c)
			t.lastServed = l.hook
			if l.due = l.due[1:]; len(l.due) > 0 {
				left = append(left, l)
			}
		}
		lines = left
	}
	return claimed, nil
}

// dueLines returns the webhooks that have something to claim, in the order in
// which they are served.
func (t *tx) dueLines(n, perWebhook int) []line {
	var before, after []line
	for _, u := range t.order {
		h := t.peek(u)
		if next := h.nextDue(perWebhook); !h.headStale && (next == 0 || next > t.now.UnixNano()) {
			continue
		}
		l := line{hook: u, due: t.dueDeliveries(h, n, perWebhook)}
		switch {
		case len(l.due) == 0:
		case compareUID(u, t.lastServed) <= 0:
			before = append(before, l)
		default:
			after = append(after, l)
		}
	}
	return append(after, before...)
}

// dueDeliveries returns what of a webhook can be claimed: leases that ran out,
// which have their place in flight already, then what waits and fits.
func (t *tx) dueDeliveries(h *hook, n, perWebhook int) []uid {
	now := t.now.UnixNano()
	var due []uid
	for u, lease := range h.inflight {
		if lease <= now && len(due) < n {
			due = append(due, u)
		}
	}
	room := min(h.Room(perWebhook)-len(h.inflight), n-len(due))
	if room <= 0 || !h.Active || h.Deleted || h.ClaimableAt().After(t.now) {
		return due
	}
	if h.Ordered {
		if r := t.firstInSequence(h); r != nil && r.Status == api.DeliveryPending && r.dueKey() <= now {
			due = append(due, r.key)
		}
		return due
	}
	c := t.at(bDue).Cursor()
	for k, _ := c.Seek(h.key[:]); bytes.HasPrefix(k, h.key[:]) && room > 0; k, _ = c.Next() {
		at, u := splitOrderedKey(k)
		if int64(at) > now {
			break
		}
		due = append(due, u)
		room--
	}
	return due
}

// claimDelivery claims the first of the line, unless the webhook's rate limit
// does not let it go now. What ran out while its webhook was disabled waits again.
func (t *tx) claimDelivery(l line, owner string, ttl time.Duration) (c store.ClaimedDelivery, ok bool, err error) {
	h := t.hook(l.hook)
	if !h.Active || h.Deleted {
		return c, false, t.releaseAll(l.due)
	}
	r, err := t.delivery(l.due[0])
	if t.skip(bDelivery, l.due[0][:], err) {
		t.dropHints(h, l.due[0])
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	if h.ClaimableAt().After(t.now) {
		return c, false, nil
	}
	r.Claims = r.Claims%(1<<16-1) + 1
	r.Claim(owner, t.now, ttl)
	t.saveDelivery(r)
	if h.CountClaim(t.now) {
		h.recordStale, t.wrote = true, true
	}
	return store.ClaimedDelivery{
		Delivery:  r.Delivery,
		AttemptID: store.FormatID(api.DeliveryPrefix, r.key.Attempt(r.Claims)),
		Webhook:   h.Webhook,
	}, true, nil
}

func (t *tx) releaseAll(us []uid) error {
	for _, u := range us {
		r, err := t.delivery(u)
		if t.skip(bDelivery, u[:], err) {
			continue
		}
		if err != nil {
			return err
		}
		t.endLease(r)
	}
	return nil
}

// endLease ends a delivery's lease, uncharged.
func (t *tx) endLease(r *deliveryRecord) {
	r.EndLease()
	t.saveDelivery(r)
}

// addEvents reads the events of claimed deliveries: outside the commit, and a
// body that several share only once.
func (db *DB) addEvents(ctx context.Context, claimed []store.ClaimedDelivery) ([]store.ClaimedDelivery, error) {
	events := make(map[uint64]store.Event)
	for begin := 0; begin < len(claimed); begin += maxRows {
		part := claimed[begin:min(begin+maxRows, len(claimed))]
		err := db.view(context.WithoutCancel(ctx), func(t *tx) error {
			for _, c := range part {
				if _, ok := events[c.Delivery.Seq]; ok {
					continue
				}
				e, err := loadEvent(t.get(bEvent, seqKey(c.Delivery.Seq)))
				if errors.Is(err, api.NotFound) || t.skip(bEvent, seqKey(c.Delivery.Seq), err) {
					continue
				}
				if err != nil {
					return err
				}
				events[c.Delivery.Seq] = e.Event
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	kept := claimed[:0]
	for _, c := range claimed {
		ev, ok := events[c.Delivery.Seq]
		if !ok {
			continue // its job was deleted in the meantime, and it with it
		}
		c.Event = ev
		kept = append(kept, c)
	}
	return kept, nil
}

// NextDelivery returns when the next delivery can be claimed with perWebhook,
// which may be in the past, and false when there is none. A webhook that has
// its full number in flight counts with the end of its leases.
func (db *DB) NextDelivery(ctx context.Context, perWebhook int) (time.Time, bool, error) {
	if db.stopped() {
		return time.Time{}, false, errFailed
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	var next int64
	for _, h := range db.hooks {
		if due := h.nextDue(perWebhook); due != 0 && (next == 0 || due < next) {
			next = due
		}
	}
	return fromNanos(next), next != 0, ctx.Err()
}

// leasedDelivery returns the delivery that tok holds, or api.LeaseLost. repeated
// is true for a token that was spent before.
func (t *tx) leasedDelivery(tok store.Token) (r *deliveryRecord, repeated bool, err error) {
	u, err := store.ParseID(api.DeliveryPrefix, tok.ID)
	if err != nil {
		return nil, false, err
	}
	if r, err = t.delivery(u); err != nil {
		return nil, false, err
	}
	h := t.peek(r.hook)
	switch {
	case h == nil || h.Deleted:
	case r.Status == api.DeliveryInFlight && r.Revision == tok.Revision:
		return r, false, nil
	case r.Spent == tok.Revision:
		return r, true, nil
	}
	return nil, false, api.Errorf(api.LeaseLost, "delivery %s is no longer held by this sender: it is %s", tok.ID, h.shown(r.Status))
}

// ReleaseDelivery hands a delivery back, due at once and uncharged. A repeat
// is nil.
func (db *DB) ReleaseDelivery(ctx context.Context, tok store.Token) error {
	err := db.update(ctx, func(t *tx) error {
		r, repeated, err := t.leasedDelivery(tok)
		if err != nil || repeated {
			return err
		}
		r.Spent = r.Revision
		t.endLease(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("release delivery %s: %w", tok.ID, err)
	}
	return nil
}

// recoverDeliveries ends the leases of other owners, and finishes deletions.
func (db *DB) recoverDeliveries(ctx context.Context, node, run string) error {
	var gone []uid
	err := db.update(ctx, func(t *tx) error {
		gone = nil
		for _, u := range t.order {
			h := t.peek(u)
			if h.Deleted {
				gone = append(gone, u)
			}
			for d := range h.inflight {
				r, err := t.delivery(d)
				if t.skip(bDelivery, d[:], err) {
					continue
				}
				if err != nil {
					return err
				}
				if store.EarlierRun(r.Owner, node, run) {
					t.endLease(r)
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recover deliveries: %w", err)
	}
	for _, u := range gone {
		if err := db.finishDelete(ctx, u); err != nil {
			return err
		}
	}
	return nil
}
