package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// purgeRows is how many rows one commit of Purge deletes, about: many deletes
// at once leave a list of free pages that slows every later commit.
const purgeRows = 1000

// Purge removes up to limit jobs that ended before the given time and whose
// deliveries have all ended, each with its result, events and log; likewise
// events of no job, such as tests. It returns how many it removed, and makes
// several commits where there is much. A job with an open delivery is looked
// at again a day later. Folders that were removed before that time are dropped
// too, with what was kept of their files.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (n int, err error) {
	for more := true; more && n < limit; {
		purged := 0
		err := db.update(ctx, func(t *tx) error {
			var err error
			purged, more, err = t.purge(before, limit-n)
			return err
		})
		if err != nil {
			return n, fmt.Errorf("purge: %w", err)
		}
		n += purged
	}
	return n, db.purgeFolders(ctx, before)
}

// purge removes some of what is due. more is false once nothing is.
func (t *tx) purge(before time.Time, limit int) (n int, more bool, err error) {
	rows := 0
	for _, k := range t.purgeable(before, min(limit, purgeRows/4)) {
		at, kind, u := int64(binary.BigEndian.Uint64(k)), k[8], uid(k[9:25])
		var dropped int
		if kind == purgeEvent {
			dropped, err = t.purgeEvent(k, at, u)
		} else {
			dropped, err = t.purgeJob(k, at, u)
		}
		if err != nil {
			return n, false, err
		}
		more = true
		if dropped > 0 {
			n++
		}
		if rows += dropped + 1; rows >= purgeRows {
			break
		}
	}
	return n, more, nil
}

func (t *tx) purgeable(before time.Time, limit int) [][]byte {
	var keys [][]byte
	c := t.at(bPurge).Cursor()
	for k, _ := c.First(); k != nil && len(keys) < limit; k, _ = c.Next() {
		if int64(binary.BigEndian.Uint64(k)) >= before.UnixNano() {
			break
		}
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// purgeJob drops the job if nothing of it is open, and puts it off otherwise.
func (t *tx) purgeJob(key []byte, at int64, u uid) (rows int, err error) {
	v := t.get(bJob, u[:])
	if v == nil {
		return t.purgeLost(key, u)
	}
	r, err := loadJob(v, u)
	if t.skip(bJob, u[:], err) {
		t.del(bPurge, key)
		t.put(bPurge, purgeKey(nanos(store.PurgeLater(t.now)), purgeJob, u), nil)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	open, err := t.openDeliveries(u)
	if err != nil {
		return 0, err
	}
	if open || t.finishing(r) {
		r.PurgeAt = nanos(store.PurgeLater(fromNanos(at)))
		t.saveJob(r)
		return 0, nil
	}
	return t.dropJob(r)
}

// purgeLost drops what is left of a job whose record is gone, as after a repair.
func (t *tx) purgeLost(key []byte, u uid) (rows int, err error) {
	open, err := t.openDeliveries(u)
	if err != nil {
		return 0, err
	}
	t.del(bPurge, key)
	if open {
		t.put(bPurge, purgeKey(nanos(store.PurgeLater(t.now)), purgeJob, u), nil)
		return 0, nil
	}
	return t.dropOf(u)
}

func (t *tx) purgeEvent(key []byte, at int64, u uid) (rows int, err error) {
	open, err := t.openDeliveries(u)
	if err != nil {
		return 0, err
	}
	seq := bytes.Clone(t.get(bPurge, key))
	t.del(bPurge, key)
	if open {
		t.put(bPurge, purgeKey(nanos(store.PurgeLater(fromNanos(at))), purgeEvent, u), seq)
		return 0, nil
	}
	if rows, err = t.dropDeliveries(u); err != nil {
		return 0, err
	}
	if t.get(bEvent, seq) == nil {
		return rows + 1, nil
	}
	return rows + 1, t.removeEvent(seq)
}

// openDeliveries reports whether a delivery of the job or event is open.
func (t *tx) openDeliveries(owner uid) (bool, error) {
	counts, err := t.countDeliveries(owner)
	for s := range counts {
		if store.Keeps(s) {
			return true, err
		}
	}
	return false, err
}

// countDeliveries counts the deliveries of the job or event by status.
func (t *tx) countDeliveries(owner uid) (map[api.DeliveryStatus]int, error) {
	counts := map[api.DeliveryStatus]int{}
	for _, k := range t.keysWith(bJobDelivery, owner[:], 0) {
		r, err := t.delivery(uid(k[16:]))
		if t.skip(bDelivery, k[16:], err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		counts[t.peek(r.hook).shown(r.Status)]++
	}
	return counts, nil
}

func (t *tx) dropDeliveries(owner uid) (rows int, err error) {
	for _, k := range t.keysWith(bJobDelivery, owner[:], 0) {
		r, err := t.delivery(uid(k[16:]))
		if t.skip(bDelivery, k[16:], err) {
			continue
		}
		if err != nil {
			return rows, err
		}
		t.removeDelivery(r)
		rows += 3 + r.Claims
	}
	return rows, nil
}

// dropJob removes a job and all that hangs on it. It returns about how many
// rows that were.
func (t *tx) dropJob(r *jobRecord) (rows int, err error) {
	if rows, err = t.dropOf(r.key); err != nil {
		return rows, err
	}
	t.removeJob(r)
	return rows + 5, nil
}

// dropOf removes the deliveries and events of a job.
func (t *tx) dropOf(job uid) (rows int, err error) {
	if rows, err = t.dropDeliveries(job); err != nil {
		return rows, err
	}
	for _, k := range t.keysWith(bJobEvent, job[:], 0) {
		if err := t.removeEvent(k[16:]); err != nil {
			return rows, err
		}
		t.del(bJobEvent, k)
		rows += 3
	}
	return rows, nil
}
