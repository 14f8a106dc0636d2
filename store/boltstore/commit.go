package boltstore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// maxBatch bounds the transitions of one commit, and so the wait of the last.
const maxBatch = 512

// op is one transition on its way into a commit. Its run may be called more
// than once, and must set its results anew each time.
type op struct {
	run   func(*tx) error
	err   error
	done  chan struct{}
	taken atomic.Bool // by the committer, or by a caller who gave up
	gone  atomic.Bool // the caller gives up as soon as it may

	waits wait
	idle  bool      // a transition that waits sets it: it found nothing
	claim bool      // it may well find nothing, and so is no reason to commit what is held
	later time.Time // until then it may be held, to share the commit of another; zero: it may not
}

// holdFor is how long a transition that may be held waits for another one to
// share its commit, and holdMost how many of them wait.
const (
	holdFor  = 50 * time.Millisecond
	holdMost = 8
)

// wait is what a transition waits for. One that waits and finds nothing is
// parked: it is run again in each commit that made something of its kind
// claimable, until it finds something.
type wait byte

const (
	waitNot wait = iota
	waitJobs
	waitDeliveries
)

// committer takes what has queued up while the last commit ran, runs each
// transition in turn and commits them together. A transition that fails has
// no part in the commit; if it had already written, the batch is played again
// without it.
type committer struct {
	mu     sync.Mutex
	queue  []*op
	parked []*op // only the committer's
	closed bool
	wake   chan struct{} // capacity 1
	quit   chan struct{}
	ended  chan struct{}
}

// update runs a transition durably. Its error is run's own; or Unavailable,
// when nothing happened; or Unknown, when the commit's outcome is not known.
func (db *DB) update(ctx context.Context, run func(*tx) error) error {
	return db.updateAs(ctx, &op{run: run})
}

// updateSoon is update for a transition that may be held for a moment, so that
// it shares the commit of another.
func (db *DB) updateSoon(ctx context.Context, run func(*tx) error) error {
	return db.updateAs(ctx, &op{run: run, later: time.Now().Add(holdFor)})
}

func (db *DB) updateAs(ctx context.Context, o *op) error {
	o.done = make(chan struct{})
	taken, err := db.do(ctx, o)
	if !taken {
		return withdrawn(ctx)
	}
	return err
}

// await is update for a transition that waits until it finds something, which it
// reports. The end of ctx is no error: then nothing was found.
func (db *DB) await(ctx context.Context, what wait, run func(*tx) (found bool, err error)) error {
	o := &op{done: make(chan struct{}), waits: what, claim: true}
	o.run = func(t *tx) error {
		found, err := run(t)
		o.idle = !found
		return err
	}
	_, err := db.do(ctx, o)
	return err
}

// do has the committer run o. It returns false, and no error, where ctx ended
// before.
func (db *DB) do(ctx context.Context, o *op) (taken bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil
	default:
	}
	if err := db.enqueue(o); err != nil {
		return true, err
	}
	select {
	case <-o.done:
		return true, o.err
	case <-ctx.Done():
	}
	o.gone.Store(true)
	if o.taken.CompareAndSwap(false, true) {
		return false, nil
	}
	<-o.done // it is in the running commit, which ends soon
	return true, o.err
}

func withdrawn(ctx context.Context) error {
	return &api.Error{Code: api.Unavailable, Message: "the store was not changed: " + context.Cause(ctx).Error()}
}

func (db *DB) enqueue(o *op) error {
	c := &db.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	c.queue = append(c.queue, o)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

var errClosed = api.Errorf(api.Unavailable, "the store is closed")

// errFailed is what every call gets after a commit with an unknown outcome.
var errFailed = api.Errorf(api.Unavailable, "the store stopped: an earlier write to the disk failed; restart the daemon")

// loop commits until quit is closed and the queue is empty.
func (db *DB) loop() {
	c := &db.committer
	defer close(c.ended)
	defer c.endParked(errClosed)
	held := time.NewTimer(0)
	defer held.Stop()
	for {
		batch, hold := c.take()
		if len(batch) > 0 {
			db.commitBatch(batch)
			continue
		}
		held.Reset(hold)
		select {
		case <-c.wake:
		case <-held.C:
		case <-c.quit:
			if batch, _ = c.take(); len(batch) == 0 {
				return
			}
			db.commitBatch(batch)
		}
	}
}

// longestIdle is a timer of last resort.
const longestIdle = time.Hour

// take removes up to maxBatch transitions from the queue. What may be held it
// leaves there while nothing else is to be written; hold is for how long.
func (c *committer) take() (batch []*op, hold time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hold = c.hold()
	var left []*op
	for i, o := range c.queue {
		if len(batch) == maxBatch {
			left = append(left, c.queue[i:]...)
			break
		}
		if hold > 0 && !o.later.IsZero() {
			left = append(left, o)
		} else if o.taken.CompareAndSwap(false, true) {
			batch = append(batch, o)
		}
	}
	c.queue = left
	if hold <= 0 {
		hold = longestIdle
	}
	return batch, hold
}

// hold is for how long what may be held of the queue is held: 0 where there is
// something else to write, enough to write, or no time left.
func (c *committer) hold() time.Duration {
	var first time.Time
	held := 0
	for _, o := range c.queue {
		switch {
		case !o.later.IsZero():
			if held++; held == 1 || o.later.Before(first) {
				first = o.later
			}
		case !o.claim:
			return 0
		}
	}
	if held == 0 || held >= holdMost || c.closed {
		return 0
	}
	return time.Until(first)
}

// unpark removes and returns the parked transitions that wait for what.
func (c *committer) unpark(what wait) (woken []*op) {
	c.parked = slices.DeleteFunc(c.parked, func(o *op) bool {
		if o.waits == what && o.taken.CompareAndSwap(false, true) {
			woken = append(woken, o)
		}
		return o.taken.Load()
	})
	return woken
}

// end tells the caller of a transition what came of it, or parks it.
func (c *committer) end(o *op) {
	if o.waits == waitNot || !o.idle || o.err != nil {
		close(o.done)
		return
	}
	o.taken.Store(false)
	if o.gone.Load() && o.taken.CompareAndSwap(false, true) {
		close(o.done) // its caller may wait for this
		return
	}
	c.parked = slices.DeleteFunc(c.parked, func(o *op) bool { return o.taken.Load() }) // withdrawn
	c.parked = append(c.parked, o)
}

// endParked ends what is parked with err.
func (c *committer) endParked(err error) {
	for _, what := range []wait{waitJobs, waitDeliveries} {
		for _, o := range c.unpark(what) {
			o.err = err
			close(o.done)
		}
	}
}

// commitBatch runs and commits the transitions, and tells their callers.
func (db *DB) commitBatch(batch []*op) {
	// Those that wait come last, to find what the others made.
	slices.SortStableFunc(batch, func(a, b *op) int { return cmp.Compare(a.waits, b.waits) })
	live := slices.Clone(batch)
	for len(live) > 0 {
		if db.stopped() {
			fail(live, errFailed)
			break
		}
		if err := db.Present(); err != nil {
			fail(live, err)
			break
		}
		t, err := db.begin()
		if err != nil {
			fail(live, &api.Error{Code: api.Unavailable, Message: "begin a transaction: " + err.Error()})
			break
		}
		failed := -1
		err = db.guard(func() error {
			failed = t.runAll(live)
			for _, what := range []wait{waitJobs, waitDeliveries} {
				if failed >= 0 || !t.claimable(what) {
					continue
				}
				woken := db.committer.unpark(what)
				batch, live = append(batch, woken...), append(live, woken...)
				if failed = t.runAll(woken); failed >= 0 {
					failed += len(live) - len(woken)
				}
			}
			if failed < 0 {
				t.finish(live)
			}
			return nil
		})
		if err != nil {
			t.rollback()
			fail(live, err)
			break
		}
		if failed < 0 {
			break
		}
		t.rollback()
		live = append(live[:failed], live[failed+1:]...)
	}
	for _, o := range batch {
		db.committer.end(o)
	}
	if db.stopped() {
		db.committer.endParked(errFailed)
	}
}

func fail(ops []*op, err error) {
	for _, o := range ops {
		o.err = err
	}
}

// runAll runs the transitions in order. It returns the index of one that
// failed after it had written, or -1.
func (t *tx) runAll(ops []*op) int {
	for i, o := range ops {
		t.wrote = false
		o.err = o.run(t)
		if o.err == nil {
			o.err = t.err
		}
		t.dirty = t.dirty || t.wrote
		if o.err != nil && t.wrote {
			t.err = nil
			return i
		}
		t.err = nil
	}
	return -1
}

// claimable reports whether the transitions may have made something claimable.
func (t *tx) claimable(what wait) bool {
	return what == waitJobs && t.jobs || what == waitDeliveries && t.deliver
}

// finish commits what the transitions wrote, publishes it to readers of the
// memory, and wakes who waits for it.
func (t *tx) finish(ops []*op) {
	if !t.dirty {
		t.rollback()
		return
	}
	if err := t.flush(); err != nil {
		t.rollback()
		failOpen(ops, &api.Error{Code: api.Unavailable, Message: "prepare a commit: " + err.Error()})
		return
	}
	id := uint64(t.bolt.ID())
	if err := t.bolt.Commit(); err != nil {
		failOpen(ops, t.db.commitFailed(id, err))
		return
	}
	t.publish()
	t.signal()
}

// failOpen sets err on the transitions that had succeeded so far.
func failOpen(ops []*op, err error) {
	for _, o := range ops {
		if o.err == nil {
			o.err = err
		}
	}
}

// commitFailed classifies the failure of the commit of transaction id. When
// the disk was full or read-only before the commit point, nothing happened, and
// the store goes on. Anything else is unknown, and the store stops.
func (db *DB) commitFailed(id uint64, err error) error {
	var path *fs.PathError
	wrote := errors.As(err, &path) && path.Op == "write"
	if fsx.IsReadOnly(err) && wrote && db.lastCommitted() < id {
		db.log.Warn("the disk is read-only", "error", err)
		return &api.Error{Code: api.Unavailable, Message: "the disk of the data folder is read-only: make it writable again"}
	}
	if fsx.IsFull(err) && wrote && db.lastCommitted() < id || strings.HasPrefix(err.Error(), "file resize error") {
		db.log.Warn("no space to record a change", "error", err)
		return &api.Error{Code: api.Unavailable, Message: "no space left for the database: free some on the disk of the data folder"}
	}
	db.stop()
	db.log.Error("commit failed; the store stops", "error", err)
	return &api.Error{Code: api.Unknown, Message: "the outcome of a write is unknown: " + err.Error()}
}

// lastCommitted returns the id of the last transaction that a reader sees.
func (db *DB) lastCommitted() uint64 {
	t, err := db.bolt.Begin(false)
	if err != nil {
		return ^uint64(0)
	}
	id := uint64(t.ID())
	if err := t.Rollback(); err != nil {
		return ^uint64(0)
	}
	return id
}

func (db *DB) stop() { db.failOnce.Do(func() { close(db.failed) }) }

func (db *DB) stopped() bool {
	select {
	case <-db.failed:
		return true
	default:
		return false
	}
}
