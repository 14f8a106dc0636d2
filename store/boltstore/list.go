package boltstore

import (
	"bytes"
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// JobsPage returns up to limit jobs that pass the filter, newest first, after
// the first offset of them.
func (db *DB) JobsPage(ctx context.Context, f store.JobFilter, offset, limit int) ([]store.Job, error) {
	var after *uid
	if f.Before != "" {
		u, err := store.ParseID(api.JobPrefix, f.Before)
		if err != nil {
			return nil, err
		}
		id := uid(u)
		after = &id
	} else if f == (store.JobFilter{Status: f.Status}) {
		u, ok, err := db.skipJobs(ctx, f, offset)
		if err != nil || !ok {
			return nil, err
		}
		after, offset = u, 0
	}
	var jobs []store.Job
	err := db.eachJob(ctx, f, after, func(r *jobRecord) bool {
		if offset > 0 {
			offset--
			return true
		}
		if len(jobs) < limit {
			jobs = append(jobs, r.Job)
		}
		return len(jobs) < limit
	})
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

// jobIndex returns the bucket and prefix whose keys, in falling order, are the
// jobs that f may pass.
func jobIndex(f store.JobFilter) (bucketID, []byte) {
	if f.Status == "" {
		return bJob, nil
	}
	return bJobStatus, []byte{jobStatusByte(f.Status)}
}

// skipJobs returns the last of the newest n jobs, by keys alone; ok is false
// when there are fewer.
func (db *DB) skipJobs(ctx context.Context, f store.JobFilter, n int) (last *uid, ok bool, err error) {
	b, prefix := jobIndex(f)
	for n > 0 {
		seen := 0
		err := db.view(ctx, func(t *tx) error {
			for k := range fallingKeys(t.at(b), prefix, last) {
				u := uid(k[len(prefix):])
				last = &u
				if seen++; seen == min(n, maxRows*5) { // keys only: as cheap as the rows
					break
				}
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
		if seen == 0 {
			return nil, false, nil
		}
		n -= seen
	}
	return last, true, nil
}

// eachJob visits the jobs that pass the filter, newest first, until visit
// returns false. It reads in short transactions.
func (db *DB) eachJob(ctx context.Context, f store.JobFilter, after *uid, visit func(*jobRecord) bool) error {
	if f.Status != "" && jobStatuses[jobStatusByte(f.Status)] != f.Status {
		return api.Errorf(api.Invalid, "%q is not a status of a job", f.Status)
	}
	b, prefix := jobIndex(f)
	var oldest uid
	if !f.Since.IsZero() {
		oldest = store.FirstUID(f.Since.Add(-idSlack))
	}
	if after == nil && !f.Until.IsZero() {
		u := uid(store.FirstUID(f.Until.Add(idSlack)))
		after = &u
	}
	for more := true; more; {
		err := db.view(ctx, func(t *tx) error {
			rows := 0
			for k := range fallingKeys(t.at(b), prefix, after) {
				u := uid(k[len(prefix):])
				if compareUID(u, oldest) < 0 {
					break
				}
				after = &u
				rows++
				r, err := loadJob(t.get(bJob, u[:]), u)
				if err != nil && !t.skip(bJob, u[:], err) {
					return err
				}
				if err == nil && f.Passes(&r.Job) && !visit(r) {
					more = false
					return nil
				}
				if rows == maxRows {
					return nil
				}
			}
			more = false
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fallingKeys yields the keys of b that begin with prefix, with their values,
// in falling order, from the one before after.
func fallingKeys(b *bolt.Bucket, prefix []byte, after *uid) func(func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		c := b.Cursor()
		k, v := seekBefore(c, prefix, after)
		for k != nil && bytes.HasPrefix(k, prefix) {
			if !yield(k, v) {
				return
			}
			k, v = c.Prev()
		}
	}
}

// seekBefore places c on the last key below prefix+after, or on the last with
// the prefix when after is nil.
func seekBefore(c *bolt.Cursor, prefix []byte, after *uid) (k, v []byte) {
	bound := append([]byte(nil), prefix...)
	if after != nil {
		bound = append(bound, after[:]...)
	} else {
		for range 17 {
			bound = append(bound, 0xff) // above any id
		}
	}
	if k, _ = c.Seek(bound); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// CountJobs returns how many jobs are in each status. It reads no record.
func (db *DB) CountJobs(ctx context.Context) (map[api.JobStatus]int, error) {
	if db.stopped() {
		return nil, errFailed
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	n := make(map[api.JobStatus]int, nJobStatuses)
	for s, c := range db.counts.jobs {
		n[jobStatuses[s]] = c
	}
	return n, ctx.Err()
}

// CountDeliveries returns how many deliveries are in each status. It reads no
// record.
func (db *DB) CountDeliveries(ctx context.Context) (map[api.DeliveryStatus]int, error) {
	if db.stopped() {
		return nil, errFailed
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	n := map[api.DeliveryStatus]int{api.DeliveryHeld: 0}
	for _, s := range deliveryStatuses {
		n[s] = 0
	}
	addCounts(n, db.counts.orphan[:], nil)
	for _, h := range db.hooks {
		addCounts(n, h.counts[:], h)
	}
	return n, ctx.Err()
}
