package boltstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Submit records a new job, queued. The caller makes the id, and has made the
// audio durable. When a job with that id or dedupe key exists, it is returned
// as it stands, with created false.
func (db *DB) Submit(ctx context.Context, j store.Job) (got store.Job, created bool, err error) {
	if err := checkSubmit(&j); err != nil {
		return store.Job{}, false, err
	}
	err = db.update(ctx, func(t *tx) error {
		r, isNew, err := t.submit(j)
		if err == nil {
			got, created = r.Job, isNew
		}
		return err
	})
	if err != nil {
		return store.Job{}, false, fmt.Errorf("submit job %s: %w", j.ID, err)
	}
	return got, created, nil
}

func checkSubmit(j *store.Job) error {
	if !api.ValidID(api.JobPrefix, j.ID) {
		return api.Errorf(api.Invalid, "submit job: %q is not a job id", j.ID)
	}
	if strings.ContainsRune(j.Queue, 0) {
		return api.Errorf(api.Invalid, "submit job %s: the queue's name holds a zero byte", j.ID)
	}
	return nil
}

// submit returns the job that is new or was there.
func (t *tx) submit(j store.Job) (*jobRecord, bool, error) {
	u, err := store.ParseID(api.JobPrefix, j.ID)
	if err != nil {
		return nil, false, err
	}
	if v := t.get(bJob, u[:]); v != nil {
		r, err := loadJob(v, u)
		return r, false, err
	}
	if j.Dedupe != "" {
		if v := t.get(bDedupe, dedupeKey(j.Dedupe)); len(v) == 16 {
			r, err := loadJob(t.get(bJob, v), uid(v))
			return r, false, err
		}
		t.put(bDedupe, dedupeKey(j.Dedupe), u[:])
	}
	r := &jobRecord{Job: store.NewJob(j, t.now), key: u}
	if r.Blob != "" {
		t.put(bBlob, []byte(r.Blob), u[:])
	}
	t.saveJob(r)
	return r, true, nil
}

// Job returns the job with the given id, or api.NotFound.
func (db *DB) Job(ctx context.Context, id string) (store.Job, error) {
	var j store.Job
	err := db.view(ctx, func(t *tx) error {
		r, err := t.job(id)
		if err == nil {
			j = r.Job
		}
		return err
	})
	return j, err
}

// Result returns the stored JSON of a completed job's result, or api.NotFound.
func (db *DB) Result(ctx context.Context, id string) ([]byte, error) {
	var b []byte
	err := db.view(ctx, func(t *tx) error {
		r, err := t.job(id)
		if err != nil {
			return err
		}
		v := t.get(bResult, r.key[:])
		if v == nil {
			return api.Errorf(api.NotFound, "job %s has no result: it is %s", id, r.Status)
		}
		b, err = loadResult(v)
		return err
	})
	return b, err
}

// Cancel ends a queued or processing job. With a revision other than 0 it does
// so only while the job has that revision. A worker that holds the job gets
// api.LeaseLost from its next call. Cancelling a cancelled job changes
// nothing; any other terminal job gives api.Conflict.
func (db *DB) Cancel(ctx context.Context, id string, revision uint64) (got store.Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, err := t.job(id)
		if err != nil {
			return err
		}
		repeat := r.Status == api.Cancelled && (revision == 0 || r.Spent == revision && r.SpentAs == spentCancel)
		switch {
		case repeat:
		case r.Status.Terminal():
			return api.Errorf(api.Conflict, "job %s is %s already", id, r.Status)
		case revision != 0 && r.Revision != revision:
			return api.Errorf(api.Conflict, "job %s has changed meanwhile", id)
		default:
			t.spend(r, spentCancel)
			t.end(r, api.Cancelled)
			t.saveJob(r)
			t.endedFile(r)
		}
		got = r.Job
		return nil
	})
	if err != nil {
		return store.Job{}, fmt.Errorf("cancel job %s: %w", id, err)
	}
	return got, nil
}

// spend ends the right of the token that holds r, and notes how.
func (t *tx) spend(r *jobRecord, as byte) {
	r.Spent, r.SpentAs = r.Revision, as
	r.EndLease()
}

// end gives r a terminal status.
func (t *tx) end(r *jobRecord, s api.JobStatus) {
	t.endDuplicates(r.key, s == api.Completed)
	r.End(s, t.now)
	r.PurgeAt = nanos(t.now)
}

// Retry queues a failed or cancelled job again, with fresh attempts and the
// next generation. Any other job gives api.Conflict.
func (db *DB) Retry(ctx context.Context, id string) (got store.Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, err := t.job(id)
		if err != nil {
			return err
		}
		if err := t.retry(r); err != nil {
			return err
		}
		got = r.Job
		return nil
	})
	if err != nil {
		return store.Job{}, fmt.Errorf("retry job %s: %w", id, err)
	}
	return got, nil
}

func (t *tx) retry(r *jobRecord) error {
	next := r.Job
	if err := next.Retry(t.now); err != nil {
		return err
	}
	if err := t.retriedFile(r); err != nil {
		return err
	}
	r.Job, r.PurgeAt = next, 0
	t.saveJob(r)
	return nil
}

// DeleteJob removes a terminal job with its result, its events and their
// deliveries. An open job gives api.Conflict, and so does one with deliveries that
// are open, unless force is set. Its blob, if it still has one, is no longer in
// use afterwards.
func (db *DB) DeleteJob(ctx context.Context, id string, force bool) error {
	err := db.update(ctx, func(t *tx) error {
		r, err := t.job(id)
		if err != nil {
			return err
		}
		if !r.Status.Terminal() {
			return api.Errorf(api.Conflict, "job %s is %s: cancel it first", id, r.Status)
		}
		if !force {
			counts, err := t.countDeliveries(r.key)
			if err != nil {
				return err
			}
			if err := store.RefuseOpen("job "+id, counts); err != nil {
				return err
			}
		}
		_, err = t.dropJob(r)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete job %s: %w", id, err)
	}
	return nil
}
