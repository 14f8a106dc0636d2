package boltstore

import (
	"bytes"
	"maps"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// hook is a webhook in memory: its record, how many deliveries it has in each
// status, which are in flight, and when the next is due. All of it follows from
// the file. A hook that is published is never changed; a transaction changes
// its own copy.
type hook struct {
	webhookRecord
	key      uid
	counts   [nDeliveryStatuses]int
	inflight map[uid]int64 // lease end of each
	head     int64         // due time of the first that waits; 0 for none

	recordStale, countStale, headStale bool
}

// nextDue returns when the webhook next has something to claim, 0 for never.
func (h *hook) nextDue(perWebhook int) int64 {
	limit := nanos(h.ClaimableAt())
	var next int64
	for _, lease := range h.inflight {
		lease = max(lease, limit)
		if next == 0 || lease < next {
			next = lease
		}
	}
	if !h.Active || h.Deleted || len(h.inflight) >= h.Room(perWebhook) || h.head == 0 {
		return next
	}
	head := max(h.head, limit)
	if next == 0 || head < next {
		next = head
	}
	return next
}

// shown returns the status of a delivery of h as others see it. h is nil for a
// webhook that is gone.
func (h *hook) shown(s api.DeliveryStatus) api.DeliveryStatus {
	if h == nil || h.Deleted {
		return store.ShownStatus(s, nil)
	}
	return store.ShownStatus(s, &h.Webhook)
}

// peek returns a webhook for reading, nil when there is none.
func (t *tx) peek(u uid) *hook {
	if h, ok := t.hooks[u]; ok {
		return h
	}
	return t.db.hooks[u]
}

// hook returns a webhook for changing, nil when there is none.
func (t *tx) hook(u uid) *hook {
	if h, ok := t.hooks[u]; ok {
		return h
	}
	h := t.db.hooks[u]
	if h == nil {
		return nil
	}
	c := *h
	c.inflight = maps.Clone(h.inflight)
	t.hooks[u] = &c
	return &c
}

// liveHook is hook for a webhook that users can name.
func (t *tx) liveHook(id string) (*hook, error) {
	u, err := store.ParseID(api.WebhookPrefix, id)
	if err != nil {
		return nil, err
	}
	if h := t.peek(u); h == nil || h.Deleted {
		return nil, api.Errorf(api.NotFound, "there is no webhook %s", id)
	}
	return t.hook(u), nil
}

// changed notes that the webhook's record differs from what is stored.
func (t *tx) changed(h *hook) {
	h.Revision++
	h.recordStale = true
	t.wrote = true
}

// addHook makes a webhook known.
func (t *tx) addHook(h *hook) {
	t.hooks[h.key] = h
	i, _ := slices.BinarySearchFunc(t.order, h.key, compareUID)
	t.order = slices.Insert(slices.Clone(t.order), i, h.key)
	h.recordStale = true
	t.wrote = true
}

// removeHook forgets a webhook. What is left of its deliveries is counted
// with those of other webhooks that are gone.
func (t *tx) removeHook(h *hook) {
	for s, n := range h.counts {
		t.counts.orphan[s] += n
	}
	t.del(bWebhook, h.key[:])
	t.del(bWebhookCounts, h.key[:])
	t.hooks[h.key] = nil
	if i, ok := slices.BinarySearchFunc(t.order, h.key, compareUID); ok {
		t.order = slices.Delete(slices.Clone(t.order), i, i+1)
	}
}

func compareUID(a, b uid) int { return bytes.Compare(a[:], b[:]) }

// refreshHead finds when the first waiting delivery is due.
func (t *tx) refreshHead(h *hook) {
	h.head, h.headStale = 0, false
	if h.Ordered {
		if r := t.firstInSequence(h); r != nil {
			h.head = r.dueKey()
		}
		return
	}
	k, _ := t.at(bDue).Cursor().Seek(h.key[:])
	if bytes.HasPrefix(k, h.key[:]) {
		due, _ := splitOrderedKey(k)
		h.head = int64(due)
	}
}

// firstInSequence returns the open delivery of an ordered webhook whose event
// is the oldest, nil when there is none.
func (t *tx) firstInSequence(h *hook) *deliveryRecord {
	c := t.at(bSeq).Cursor()
	for k, _ := c.Seek(h.key[:]); bytes.HasPrefix(k, h.key[:]); k, _ = c.Next() {
		_, u := splitOrderedKey(k)
		r, err := t.delivery(u)
		if err == nil {
			return r
		}
		if !t.skip(bDelivery, u[:], err) {
			t.db.log.Error("an index names a delivery that cannot be read", "error", err)
			return nil
		}
	}
	return nil
}

// delivery reads the delivery with key u.
func (t *tx) delivery(u uid) (*deliveryRecord, error) {
	return loadDelivery(t.get(bDelivery, u[:]), u)
}

// saveDelivery writes a delivery and brings the indexes, counts and the
// webhook's memory in line with it.
func (t *tx) saveDelivery(r *deliveryRecord) {
	h := t.hook(r.hook)
	is := deliveryIndexed{stored: true, status: deliveryStatusByte(r.Status), due: r.dueKey(), lease: r.leaseKey()}
	was := r.was
	if was.due != is.due {
		if was.due != 0 {
			t.del(bDue, orderedKey(r.hook, uint64(was.due), r.key))
		}
		if is.due != 0 {
			t.put(bDue, orderedKey(r.hook, uint64(is.due), r.key), nil)
		}
	}
	if !was.stored || was.status != is.status {
		if was.stored {
			t.del(bDeliveryStatus, hookStatusKey(r.hook, was.status, r.key))
			t.count(h, was.status, -1)
		}
		t.put(bDeliveryStatus, hookStatusKey(r.hook, is.status, r.key), nil)
		t.count(h, is.status, 1)
	}
	if h != nil {
		t.sequence(h, r, was.due != 0 || was.lease != 0, is.due != 0 || is.lease != 0)
		h.headStale = h.headStale || was.due != is.due
		if was.lease != 0 && is.lease == 0 {
			delete(h.inflight, r.key)
		} else if is.lease != 0 {
			h.inflight[r.key] = is.lease
		}
	}
	t.putRecord(bDelivery, r.key[:], deliveryVersion, r)
	r.was = is
	t.deliver = t.deliver || is.lease == 0
}

// sequence keeps the index by event of an ordered webhook's open deliveries.
func (t *tx) sequence(h *hook, r *deliveryRecord, was, is bool) {
	if !h.Ordered || was == is {
		return
	}
	k := orderedKey(h.key, r.Seq, r.key)
	if is {
		t.put(bSeq, k, nil)
	} else {
		t.del(bSeq, k)
	}
	h.headStale = true
}

func (t *tx) count(h *hook, status byte, by int) {
	if h == nil {
		t.counts.orphan[status] += by
		return
	}
	h.counts[status] += by
	h.countStale = true
}

// removeDelivery deletes a delivery with its attempts and index entries.
func (t *tx) removeDelivery(r *deliveryRecord) {
	h := t.hook(r.hook)
	if r.was.due != 0 {
		t.del(bDue, orderedKey(r.hook, uint64(r.was.due), r.key))
	}
	t.del(bDeliveryStatus, hookStatusKey(r.hook, r.was.status, r.key))
	t.count(h, r.was.status, -1)
	if h != nil {
		t.sequence(h, r, r.was.due != 0 || r.was.lease != 0, false)
		delete(h.inflight, r.key)
		h.headStale = true
	}
	for _, k := range t.keysWith(bAttempt, r.key[:14], 0) {
		t.del(bAttempt, k)
	}
	t.del(bJobDelivery, pairKey(r.owner(), r.key))
	t.del(bDelivery, r.key[:])
	t.deliver = true
}
