package boltstore

import (
	"context"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// jobEvent writes the event of a job's transition and its deliveries: to the
// job's own webhooks where it names some, else to all, and of these to those
// that subscribe to the event's type.
func (t *tx) jobEvent(r *jobRecord, ev store.Event) error {
	if ev.ID == "" {
		return nil
	}
	ev.JobID = r.ID
	e, isNew, err := t.putEvent(ev)
	if err != nil || !isNew {
		return err
	}
	for _, u := range t.order {
		h := t.peek(u)
		if h.Deleted || !h.Receives(&r.Job, ev.Type) {
			continue
		}
		t.addDelivery(t.newDelivery(&e.Event, h, store.DeliveryUID(&e.Event, h.ID)))
	}
	return nil
}

// putEvent writes an event with the next sequence number. An event with that
// id that exists is returned, with isNew false.
func (t *tx) putEvent(ev store.Event) (e *eventRecord, isNew bool, err error) {
	u, err := store.ParseID(api.EventPrefix, ev.ID)
	if err != nil {
		return nil, false, api.Errorf(api.Invalid, "%q is not an event id", ev.ID)
	}
	if seq := t.get(bEventID, u[:]); seq != nil {
		e, err := loadEvent(t.get(bEvent, seq))
		return e, false, err
	}
	if ev.CreatedAt.IsZero() {
		ev.CreatedAt = t.now
	}
	ev.CreatedAt = ev.CreatedAt.Round(0).UTC()
	t.wrote = true
	if ev.Seq, err = t.at(bEvent).NextSequence(); err != nil {
		return nil, false, fmt.Errorf("number event %s: %w", ev.ID, err)
	}
	e = &eventRecord{Event: ev}
	t.putRecord(bEvent, seqKey(ev.Seq), eventVersion, e)
	t.put(bEventID, u[:], seqKey(ev.Seq))
	if ev.JobID != "" {
		job, err := store.ParseID(api.JobPrefix, ev.JobID)
		if err != nil {
			return nil, false, api.Errorf(api.Invalid, "event %s: %q is not a job id", ev.ID, ev.JobID)
		}
		t.put(bJobEvent, append(job[:], seqKey(ev.Seq)...), nil)
	} else {
		t.put(bPurge, purgeKey(max(nanos(t.now), 1), purgeEvent, u), seqKey(ev.Seq))
	}
	t.events = true
	return e, true, nil
}

func loadEvent(v []byte) (*eventRecord, error) {
	e := &eventRecord{}
	if v == nil {
		return nil, api.Errorf(api.NotFound, "there is no such event")
	}
	if err := decode(v, eventVersion, e); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return e, nil
}

// newDelivery returns a delivery of an event to a webhook, due now.
func (t *tx) newDelivery(ev *store.Event, h *hook, u uid) *deliveryRecord {
	return &deliveryRecord{key: u, hook: h.key, Delivery: store.NewDelivery(store.FormatID(api.DeliveryPrefix, u), ev, h.ID, t.now)}
}

func (t *tx) addDelivery(r *deliveryRecord) {
	t.put(bJobDelivery, pairKey(r.owner(), r.key), nil)
	t.saveDelivery(r)
}

// owner is what the delivery is deleted with: its job, or the event of none.
func (r *deliveryRecord) owner() uid {
	id, prefix := r.JobID, api.JobPrefix
	if id == "" {
		id, prefix = r.EventID, api.EventPrefix
	}
	u, err := store.ParseID(prefix, id)
	if err != nil {
		return uid{} // ids are checked before they are stored
	}
	return u
}

// PostEvent writes an event of no job, such as webhook.test, with a delivery
// to each of the webhooks. manual deliveries do not count for auto-disable. A
// repeat with the same event id returns the deliveries that exist.
func (db *DB) PostEvent(ctx context.Context, ev store.Event, webhookIDs []string, manual bool) ([]store.Delivery, error) {
	var made []store.Delivery
	err := db.update(ctx, func(t *tx) error {
		made = nil
		hooks := make([]*hook, len(webhookIDs))
		for i, id := range webhookIDs {
			var err error
			if hooks[i], err = t.liveHook(id); err != nil {
				return err
			}
		}
		ev.JobID = ""
		e, isNew, err := t.putEvent(ev)
		if err != nil {
			return err
		}
		for _, h := range hooks {
			u := store.DeliveryUID(&e.Event, h.ID)
			if !isNew {
				if r, err := t.delivery(u); err == nil {
					made = append(made, r.show(h))
				}
				continue
			}
			r := t.newDelivery(&e.Event, h, u)
			r.Manual = manual
			t.addDelivery(r)
			made = append(made, r.show(h))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("post event %s: %w", ev.ID, err)
	}
	return made, nil
}

// EventsSince returns up to limit events, but at most 200, with a sequence
// number above seq, in order.
func (db *DB) EventsSince(ctx context.Context, seq uint64, limit int) ([]store.Event, error) {
	var evs []store.Event
	err := db.view(ctx, func(t *tx) error {
		c := t.at(bEvent).Cursor()
		for k, v := c.Seek(seqKey(seq + 1)); k != nil && len(evs) < min(limit, maxRows); k, v = c.Next() {
			e, err := loadEvent(v)
			if t.skip(bEvent, k, err) {
				continue
			}
			if err != nil {
				return err
			}
			evs = append(evs, e.Event)
		}
		return nil
	})
	return evs, err
}

// LastEvent returns the sequence number of the newest event, 0 before the
// first: where a reader that wants only what is to come begins.
func (db *DB) LastEvent(ctx context.Context) (uint64, error) {
	var seq uint64
	err := db.view(ctx, func(t *tx) error {
		seq = t.at(bEvent).Sequence()
		return nil
	})
	return seq, err
}

// removeEvent deletes an event by its sequence key.
func (t *tx) removeEvent(seq []byte) error {
	e, err := loadEvent(t.get(bEvent, seq))
	if err != nil {
		return err
	}
	if u, err := store.ParseID(api.EventPrefix, e.ID); err == nil {
		t.del(bEventID, u[:])
	}
	t.del(bEvent, seq)
	return nil
}
