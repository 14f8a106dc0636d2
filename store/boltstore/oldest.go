package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
)

// OldestQueued returns when the job that has been queued for longest was
// submitted; the zero time when none is queued.
func (db *DB) OldestQueued(ctx context.Context) (since time.Time, err error) {
	err = db.view(ctx, func(t *tx) error {
		prefix := []byte{jobStatusByte(api.Queued)}
		c := t.at(bJobStatus).Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			u := uid(k[len(prefix):])
			r, err := loadJob(t.get(bJob, u[:]), u)
			if t.skip(bJob, u[:], err) {
				continue
			}
			if err == nil {
				since = r.CreatedAt
			}
			return err
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("find the oldest queued job: %w", err)
	}
	return since, nil
}

// OldestPending returns when the delivery that has been pending for longest
// was made; the zero time when none is pending. Those of a disabled webhook
// are held, not pending.
func (db *DB) OldestPending(ctx context.Context) (since time.Time, err error) {
	err = db.view(ctx, func(t *tx) error {
		db.mu.RLock()
		var active []uid
		for u, h := range db.hooks {
			if h.Active && !h.Deleted && h.counts[deliveryStatusByte(api.DeliveryPending)] > 0 {
				active = append(active, u)
			}
		}
		db.mu.RUnlock()
		for _, hook := range active {
			prefix := append(hook[:], deliveryStatusByte(api.DeliveryPending))
			r, err := t.oldestWith(prefix)
			if err != nil {
				return err
			}
			if r != nil && (since.IsZero() || r.CreatedAt.Before(since)) {
				since = r.CreatedAt
			}
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("find the oldest pending delivery: %w", err)
	}
	return since, nil
}

// oldestWith returns the first delivery of a webhook's status that can be read,
// nil when there is none.
func (t *tx) oldestWith(prefix []byte) (*deliveryRecord, error) {
	c := t.at(bDeliveryStatus).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		u := uid(k[len(prefix):])
		r, err := loadDelivery(t.get(bDelivery, u[:]), u)
		if !t.skip(bDelivery, u[:], err) {
			return r, err
		}
	}
	return nil, nil
}
