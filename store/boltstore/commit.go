package boltstore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

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
}

// committer takes what has queued up while the last commit ran, runs each
// transition in turn and commits them together. A transition that fails has
// no part in the commit; if it had already written, the batch is played again
// without it.
type committer struct {
	mu     sync.Mutex
	queue  []*op
	closed bool
	wake   chan struct{} // capacity 1
	quit   chan struct{}
	ended  chan struct{}
}

// update runs a transition durably. Its error is run's own; or Unavailable,
// when nothing happened; or Unknown, when the commit's outcome is not known.
func (db *DB) update(ctx context.Context, run func(*tx) error) error {
	o := &op{run: run, done: make(chan struct{})}
	if err := db.enqueue(ctx, o); err != nil {
		return err
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	if o.taken.CompareAndSwap(false, true) {
		return withdrawn(ctx)
	}
	<-o.done // it is in the running commit, which ends soon
	return o.err
}

func withdrawn(ctx context.Context) error {
	return &api.Error{Code: api.Unavailable, Message: "the store was not changed: " + context.Cause(ctx).Error()}
}

func (db *DB) enqueue(ctx context.Context, o *op) error {
	if ctx.Err() != nil {
		return withdrawn(ctx)
	}
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
	for {
		batch := c.take()
		if len(batch) > 0 {
			db.commitBatch(batch)
			continue
		}
		select {
		case <-c.wake:
		case <-c.quit:
			if batch = c.take(); len(batch) == 0 {
				return
			}
			db.commitBatch(batch)
		}
	}
}

// take removes up to maxBatch transitions from the queue.
func (c *committer) take() []*op {
	c.mu.Lock()
	defer c.mu.Unlock()
	var batch []*op
	for len(c.queue) > 0 && len(batch) < maxBatch {
		o := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		if o.taken.CompareAndSwap(false, true) {
			batch = append(batch, o)
		}
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
	return batch
}

// commitBatch runs and commits the transitions, and tells their callers.
func (db *DB) commitBatch(batch []*op) {
	live := append([]*op(nil), batch...)
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
			if failed = t.runAll(live); failed < 0 {
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
		close(o.done)
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
