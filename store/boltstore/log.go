package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Delivery returns a delivery and its attempts, oldest first, by its own id or
// the id of one of its attempts.
func (db *DB) Delivery(ctx context.Context, id string) (d store.Delivery, attempts []api.Attempt, err error) {
	u, err := store.ParseID(api.DeliveryPrefix, id)
	if err != nil {
		return store.Delivery{}, nil, err
	}
	err = db.view(ctx, func(t *tx) error {
		r, err := t.delivery(u.Delivery())
		if err != nil {
			return err
		}
		if u != r.key && t.get(bAttempt, u[:]) == nil && u != r.key.Attempt(r.Claims) {
			return api.Errorf(api.NotFound, "there is no delivery %s", id)
		}
		d = r.show(db.hookNow(r.hook))
		attempts, err = t.attempts(r.key)
		return err
	})
	return d, attempts, err
}

func (t *tx) attempts(u uid) ([]api.Attempt, error) {
	var all []api.Attempt
	c := t.at(bAttempt).Cursor()
	for k, v := c.Seek(u[:14]); bytes.HasPrefix(k, u[:14]); k, v = c.Next() {
		var a attemptRecord
		err := decode(v, attemptVersion, &a)
		if t.skip(bAttempt, k, err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read attempt %s: %w", store.FormatID(api.DeliveryPrefix, uid(k)), err)
		}
		all = append(all, a.Attempt)
	}
	return all, nil
}

// Deliveries returns up to limit deliveries that pass the filter, newest
// first, and the cursor of the next page, "" after the last. A page begins
// after cursor, "" for the first. One that does not change meanwhile appears
// exactly once.
func (db *DB) Deliveries(ctx context.Context, f store.DeliveryFilter, cursor string, limit int) (ds []store.Delivery, next string, err error) {
	var after *uid
	if cursor != "" {
		u, err := store.ParseID(api.DeliveryPrefix, cursor)
		if err != nil {
			return nil, "", api.Errorf(api.Invalid, "%q is not a cursor", cursor)
		}
		after = &u
	}
	full := false
	err = db.eachDelivery(ctx, f, after, func(r *deliveryRecord, h *hook) bool {
		if len(ds) == limit {
			full = true
			return false
		}
		ds = append(ds, r.show(h))
		return true
	})
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
	}
	if full && len(ds) > 0 {
		next = ds[len(ds)-1].ID
	}
	return ds, next, nil
}

// idSlack is how far the time in an id may lie from the time of its record. A
// delivery's id bears the time of its event, which waits while there is no
// space.
const idSlack = 24 * time.Hour

// eachDelivery visits the deliveries that pass the filter, newest first, until
// visit returns false. It reads in short transactions, and nothing that is
// much older or newer than the filter asks for.
func (db *DB) eachDelivery(ctx context.Context, f store.DeliveryFilter, after *uid, visit func(*deliveryRecord, *hook) bool) error {
	if after == nil && !f.Until.IsZero() {
		u := store.FirstUID(f.Until.Add(idSlack))
		after = &u
	}
	var oldest uid
	if !f.Since.IsZero() {
		oldest = store.FirstUID(f.Since.Add(-idSlack))
	}
	for more := true; more; {
		err := db.view(ctx, func(t *tx) error {
			c, err := t.deliveryCursor(f, after)
			if err != nil {
				return err
			}
			for range maxRows {
				u, ok := c.prev()
				if !ok || compareUID(u, oldest) < 0 {
					more = false
					return nil
				}
				after = &u
				r, err := t.delivery(u)
				if t.skip(bDelivery, u[:], err) {
					continue
				}
				if err != nil {
					return err
				}
				h := db.hookNow(r.hook)
				if d := r.show(h); f.Passes(&d) && !visit(r, h) {
					more = false
					return nil
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

// mergedCursor walks several ranges of keys that end in ids, together, in
// falling order of the ids.
type mergedCursor struct {
	ranges []keyRange
}

type keyRange struct {
	c      *bolt.Cursor
	prefix []byte
	k      []byte
}

// deliveryCursor returns a cursor over the narrowest index for the filter.
func (t *tx) deliveryCursor(f store.DeliveryFilter, after *uid) (*mergedCursor, error) {
	m := &mergedCursor{}
	switch {
	case f.Job != "":
		u, err := store.ParseID(api.JobPrefix, f.Job)
		if err != nil {
			return nil, err
		}
		m.add(t.at(bJobDelivery), u[:], after)
	case f.Webhook != "":
		u, err := store.ParseID(api.WebhookPrefix, f.Webhook)
		if err != nil {
			return nil, err
		}
		h := t.db.hookNow(u)
		for s := range deliveryStatuses {
			if f.Status == "" || h.shown(deliveryStatuses[s]) == f.Status {
				m.add(t.at(bDeliveryStatus), append(u[:], byte(s)), after)
			}
		}
	default:
		m.add(t.at(bDelivery), nil, after)
	}
	return m, nil
}

func (m *mergedCursor) add(b *bolt.Bucket, prefix []byte, after *uid) {
	r := keyRange{c: b.Cursor(), prefix: prefix}
	r.k, _ = seekBefore(r.c, prefix, after)
	if bytes.HasPrefix(r.k, prefix) && r.k != nil {
		m.ranges = append(m.ranges, r)
	}
}

func (m *mergedCursor) prev() (uid, bool) {
	best := -1
	var at uid
	for i := range m.ranges {
		r := &m.ranges[i]
		if r.k == nil {
			continue
		}
		if u := uid(r.k[len(r.prefix):]); best < 0 || compareUID(u, at) > 0 {
			best, at = i, u
		}
	}
	if best < 0 {
		return uid{}, false
	}
	r := &m.ranges[best]
	if r.k, _ = r.c.Prev(); !bytes.HasPrefix(r.k, r.prefix) {
		r.k = nil
	}
	return at, true
}
