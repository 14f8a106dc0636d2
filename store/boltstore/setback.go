package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/store"
)

// SetBack moves what waits for a later time, after the clock was set back.
func (db *DB) SetBack(ctx context.Context, by time.Duration) (n int, err error) {
	for _, move := range []func(context.Context, time.Duration) (int, error){db.setBackJobs, db.setBackDeliveries, db.setBackWebhooks} {
		moved, err := move(ctx, by)
		n += moved
		if err != nil {
			return n, fmt.Errorf("move what waits by %s: %w", by, err)
		}
	}
	return n, nil
}

// leastBack is what a clock may be behind without anybody minding.
const leastBack = time.Minute

// setBackSince is SetBack for a clock that was set back while the database was not
// open: the time that it showed last is in the future now.
func (db *DB) setBackSince(ctx context.Context, last time.Time) error {
	by := last.Sub(db.now())
	if last.IsZero() || by < leastBack {
		return nil
	}
	n, err := db.SetBack(ctx, by)
	db.log.Warn("the clock was set back since the last time; what waits for a time was moved with it", "by", by.Round(time.Second), "moved", n)
	return err
}

// later returns the jobs that are queued for a time after now.
func (db *DB) later(ctx context.Context) (jobs []uid, err error) {
	err = db.view(ctx, func(t *tx) error {
		now := db.now().UnixNano()
		return t.at(bQueue).ForEach(func(k, _ []byte) error {
			due, u := splitQueueKey(k, string(k[:bytes.IndexByte(k, 0)]))
			if due > now {
				jobs = append(jobs, u)
			}
			return nil
		})
	})
	return jobs, err
}

func (db *DB) setBackJobs(ctx context.Context, by time.Duration) (n int, err error) {
	jobs, err := db.later(ctx)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(jobs, recoverChunk) {
		moved := 0
		err := db.update(ctx, func(t *tx) error {
			moved = 0
			for _, u := range part {
				r, err := loadJob(t.get(bJob, u[:]), u)
				if err == nil && r.Job.SetBack(t.now, by) { // what cannot be read is told elsewhere
					t.saveJob(r)
					moved++
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += moved
	}
	return n, nil
}

func (db *DB) setBackDeliveries(ctx context.Context, by time.Duration) (n int, err error) {
	db.mu.RLock()
	hooks := slices.Clone(db.order)
	db.mu.RUnlock()
	for _, u := range hooks {
		var waiting []heldDelivery
		err := db.view(ctx, func(t *tx) error {
			t.now = db.now()
			waiting = t.dueLater(u)
			return nil
		})
		if err != nil {
			return n, err
		}
		if err := db.moveDeliveries(ctx, waiting, func(d *store.Delivery, now time.Time) { d.SetBack(now, by) }); err != nil {
			return n, err
		}
		n += len(waiting)
	}
	return n, nil
}

// setBackWebhooks moves the time from which on a rate limit lets a webhook have
// its next delivery.
func (db *DB) setBackWebhooks(ctx context.Context, by time.Duration) (n int, err error) {
	err = db.update(ctx, func(t *tx) error {
		n = 0
		for _, u := range t.order {
			if !t.peek(u).NextArrival.After(t.now) {
				continue
			}
			h := t.hook(u)
			h.NextArrival = store.Sooner(h.NextArrival, t.now, by)
			h.recordStale, h.headStale, t.wrote, t.deliver = true, true, true, true
			n++
		}
		return nil
	})
	return n, err
}
