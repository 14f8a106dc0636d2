package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Claim takes up to n jobs of a queue that are due, the longest due first, for
// ttl. It charges an attempt of each in the same commit. A job whose lease ran
// out is due as well; one that has no attempt left fails, with the event that
// Options.FailEvent makes.
func (db *DB) Claim(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	var jobs []store.Job
	err := db.updateAs(ctx, &op{claim: true, run: func(t *tx) error {
		var err error
		jobs, err = t.claimJobs(queue, owner, ttl, n)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("claim a job of queue %s: %w", queue, err)
	}
	return jobs, nil
}

// AwaitJobs claims as Claim does. Where nothing is due it waits for the commit
// that makes a job of the queue due, and claims it in that commit. It does not
// wait for a time to come. Once ctx ends it returns none.
func (db *DB) AwaitJobs(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	var jobs []store.Job
	err := db.await(ctx, waitJobs, func(t *tx) (bool, error) {
		var err error
		jobs, err = t.claimJobs(queue, owner, ttl, n)
		return len(jobs) > 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim a job of queue %s: %w", queue, err)
	}
	return jobs, nil
}

func (t *tx) claimJobs(queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	var jobs []store.Job
	for len(jobs) < n {
		due := t.dueJobs(queue, n-len(jobs))
		if len(due) == 0 {
			break
		}
		for _, k := range due {
			_, u := splitQueueKey(k, queue)
			r, err := loadJob(t.get(bJob, u[:]), u)
			if t.skip(bJob, u[:], err) {
				t.del(bQueue, k) // it would come first again and again
				continue
			}
			if err != nil {
				return nil, err
			}
			if r.Exhausted() {
				if err := t.exhaust(r); err != nil {
					return nil, err
				}
				continue
			}
			r.Claim(owner, t.now, ttl)
			t.saveJob(r)
			jobs = append(jobs, r.Job)
		}
	}
	return jobs, nil
}

// dueJobs returns the entries of up to n due jobs of a queue.
func (t *tx) dueJobs(queue string, n int) [][]byte {
	var due [][]byte
	prefix := append([]byte(queue), 0)
	c := t.at(bQueue).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(due) < n; k, _ = c.Next() {
		if at, _ := splitQueueKey(k, queue); at > t.now.UnixNano() {
			break
		}
		due = append(due, slices.Clone(k))
	}
	return due
}

// exhaust fails a job that has no attempt left. If its event cannot be made
// now, the job waits a minute: it must neither end silently nor block others.
func (t *tx) exhaust(r *jobRecord) error {
	r.Error = r.ExhaustedError()
	var ev store.Event
	if t.db.opts.FailEvent != nil {
		var err error
		if ev, err = t.db.opts.FailEvent(r.Job, t.now); err != nil {
			t.db.log.Error("make the event of a failed job", "job", r.ID, "error", err)
			r.EndLease()
			r.Requeue(t.now.Add(time.Minute), t.now, false)
			t.saveJob(r)
			return nil
		}
	}
	t.spend(r, spentFail)
	t.end(r, api.Failed)
	t.saveJob(r)
	t.endedFile(r)
	return t.jobEvent(r, ev)
}

// leased returns the job that tok holds, or api.LeaseLost. With spent set to how
// the call spends a token, repeated is true when this one was spent so before.
func (t *tx) leased(tok store.Token, spent byte) (r *jobRecord, repeated bool, err error) {
	if r, err = t.job(tok.ID); err != nil {
		return nil, false, err
	}
	if r.Status == api.Processing && r.Revision == tok.Revision {
		return r, false, nil
	}
	if spent != spentNot && r.SpentAs == spent && r.Spent == tok.Revision {
		return r, true, nil
	}
	return nil, false, api.Errorf(api.LeaseLost, "job %s is no longer held by this worker: it is %s", tok.ID, r.Status)
}

// Extend moves the end of the token's lease to ttl from now, and records how
// far the job has come. The token stays valid.
func (db *DB) Extend(ctx context.Context, tok store.Token, ttl time.Duration, p api.Progress) error {
	return db.leasedUpdate(ctx, "extend job", tok, func(t *tx, r *jobRecord) {
		r.LeaseUntil, r.Job.Progress = t.now.Add(ttl), p
		t.saveJob(r)
	})
}

func (db *DB) leasedUpdate(ctx context.Context, verb string, tok store.Token, change func(*tx, *jobRecord)) error {
	err := db.update(ctx, func(t *tx) error {
		r, _, err := t.leased(tok, spentNot)
		if err == nil {
			change(t, r)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, tok.ID, err)
	}
	return nil
}

// Release hands the job back, to be claimed from due on; the attempt is not
// charged. waiting says for people what it waits for. A repeat is nil.
func (db *DB) Release(ctx context.Context, tok store.Token, due time.Time, waiting string) error {
	err := db.update(ctx, func(t *tx) error {
		r, repeated, err := t.leased(tok, spentRelease)
		if err != nil || repeated {
			return err
		}
		t.spend(r, spentRelease)
		r.Requeue(due, t.now, true)
		r.Waiting = waiting
		t.saveJob(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("release job %s: %w", tok.ID, err)
	}
	return nil
}

// Complete ends the job with its result, and writes the event and its
// deliveries in the same commit. An event without an id is none. The job's
// blob is given up: its file may be removed afterwards. A repeat with the same
// token is nil and changes nothing.
func (db *DB) Complete(ctx context.Context, tok store.Token, result []byte, ev store.Event) (got store.Job, err error) {
	return db.finishJob(ctx, tok, func(t *tx, r *jobRecord) error {
		return t.complete(r, result, ev)
	})
}

func (t *tx) complete(r *jobRecord, result []byte, ev store.Event) error {
	t.spend(r, spentComplete)
	t.end(r, api.Completed)
	r.Error = store.JobError{}
	if r.Blob != "" {
		t.giveUpBlob(r.Blob)
		r.Blob = ""
	}
	t.putRecord(bResult, r.key[:], resultVersion, &resultRecord{JSON: result})
	t.saveJob(r)
	t.endedFile(r)
	return t.jobEvent(r, ev)
}

// finishJob runs a transition that completes a job.
func (db *DB) finishJob(ctx context.Context, tok store.Token, finish func(*tx, *jobRecord) error) (got store.Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, repeated, err := t.leased(tok, spentComplete)
		if err != nil {
			return err
		}
		if !repeated {
			if err := finish(t, r); err != nil {
				return err
			}
		}
		got = r.Job
		return nil
	})
	if err != nil {
		return store.Job{}, fmt.Errorf("complete job %s: %w", tok.ID, err)
	}
	return got, nil
}

// Fail ends an attempt of the job. With a retryAt the job is queued again for
// that time; with the zero time it has failed for good, and the event and its
// deliveries are written in the same commit. A repeat with the same token is
// nil and changes nothing.
func (db *DB) Fail(ctx context.Context, tok store.Token, why store.JobError, retryAt time.Time, ev store.Event) (got store.Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, repeated, err := t.leased(tok, spentFail)
		if err != nil {
			return err
		}
		if !repeated {
			if err := t.fail(r, why, retryAt, ev); err != nil {
				return err
			}
		}
		got = r.Job
		return nil
	})
	if err != nil {
		return store.Job{}, fmt.Errorf("fail job %s: %w", tok.ID, err)
	}
	return got, nil
}

func (t *tx) fail(r *jobRecord, why store.JobError, retryAt time.Time, ev store.Event) error {
	t.spend(r, spentFail)
	r.Error = why
	if !retryAt.IsZero() {
		r.Requeue(retryAt, t.now, false)
		t.saveJob(r)
		return nil
	}
	t.end(r, api.Failed)
	if why.Hopeless() && r.Blob != "" {
		t.giveUpBlob(r.Blob)
		r.Blob = ""
	}
	t.saveJob(r)
	t.endedFile(r)
	return t.jobEvent(r, ev)
}

// Queues returns the names of the queues that have open jobs, in order.
func (db *DB) Queues(ctx context.Context) ([]string, error) {
	var names []string
	err := db.eachQueue(ctx, func(name string, _ int64) { names = append(names, name) })
	return names, err
}

// NextJob returns when the next job of any queue is due, save for those of
// except; that may be in the past. It returns false when there is none.
func (db *DB) NextJob(ctx context.Context, except ...string) (time.Time, bool, error) {
	var next int64
	err := db.eachQueue(ctx, func(name string, due int64) {
		if (next == 0 || due < next) && !slices.Contains(except, name) {
			next = due
		}
	})
	return fromNanos(next), next != 0, err
}

// eachQueue visits every queue with the due time of its first job.
func (db *DB) eachQueue(ctx context.Context, visit func(name string, due int64)) error {
	return db.view(ctx, func(t *tx) error {
		c := t.at(bQueue).Cursor()
		k, _ := c.First()
		for k != nil {
			end := bytes.IndexByte(k, 0)
			name := string(k[:end])
			due, _ := splitQueueKey(k, name)
			visit(name, due)
			k, _ = c.Seek(append(slices.Clone(k[:end]), 1)) // past the zero byte
		}
		return nil
	})
}

// recoverChunk is how many records one commit of Recover changes at most.
const recoverChunk = 500

// Recover ends the leases of the runs of node before run at once, uncharged: at
// the start of a run their processes are gone. It also ends what a deletion of a
// webhook or folder left undone.
func (db *DB) Recover(ctx context.Context, node, run string) error {
	for after, more := []byte(nil), true; more; {
		err := db.update(ctx, func(t *tx) error {
			var err error
			after, more, err = t.recoverJobs(node, run, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("recover jobs: %w", err)
		}
	}
	if err := db.recoverDeliveries(ctx, node, run); err != nil {
		return err
	}
	return db.recoverFolders(ctx)
}

func (t *tx) recoverJobs(node, run string, after []byte) (last []byte, more bool, err error) {
	prefix := []byte{jobStatusByte(api.Processing)}
	c := t.at(bJobStatus).Cursor()
	var us []uid
	k, _ := c.Seek(prefix)
	if after != nil {
		if k, _ = c.Seek(after); bytes.Equal(k, after) {
			k, _ = c.Next()
		}
	}
	for ; bytes.HasPrefix(k, prefix) && len(us) < recoverChunk; k, _ = c.Next() {
		us = append(us, uid(k[1:]))
	}
	if len(us) == 0 {
		return after, false, nil
	}
	for _, u := range us {
		r, err := loadJob(t.get(bJob, u[:]), u)
		if t.skip(bJob, u[:], err) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		if !store.EarlierRun(r.Owner, node, run) {
			continue
		}
		r.EndLease()
		r.Requeue(t.now, t.now, true)
		t.saveJob(r)
	}
	return statusKey(prefix[0], us[len(us)-1]), true, nil
}
