package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// tx is a write transaction: one commit of several transitions. What it learns
// about webhooks and counts it keeps aside until the commit has succeeded.
type tx struct {
	db     *DB
	bolt   *bolt.Tx
	now    time.Time
	bucket [nBuckets]*bolt.Bucket
	err    error // the first failure of a put or delete of this transition
	wrote  bool  // by the running transition
	dirty  bool  // by any

	counts  counts
	hooks   map[uid]*hook // changed ones; nil for a removed one
	order   []uid         // of all webhooks; replaced, never changed in place
	buf     []byte
	jobs    bool // something may be claimable
	deliver bool
	events  bool
	files   bool
	again   bool                        // files were dropped that are to be claimed anew
	folders map[uid]*[nFileStatuses]int // counts of the folders that changed

	lastServed uid // of the last claim of deliveries
}

// counts are kept with every change, so that counting reads nothing.
type counts struct {
	jobs   [nJobStatuses]int
	orphan [nDeliveryStatuses]int // deliveries of webhooks that are gone
}

func (db *DB) begin() (*tx, error) {
	b, err := db.bolt.Begin(true)
	if err != nil {
		return nil, err
	}
	return &tx{db: db, bolt: b, buf: db.records[:0], now: db.now(), counts: db.counts, order: db.order, hooks: map[uid]*hook{}, lastServed: db.lastServed}, nil
}

func (t *tx) rollback() {
	if err := t.bolt.Rollback(); err != nil {
		t.db.log.Error("roll back", "error", err) // only when already closed
	}
}

// at returns the bucket b.
func (t *tx) at(b bucketID) *bolt.Bucket {
	if t.bucket[b] == nil {
		t.bucket[b] = t.bolt.Bucket(bucketNames[b])
		if appended[b] {
			t.bucket[b].FillPercent = 0.9
		}
	}
	return t.bucket[b]
}

func (t *tx) get(b bucketID, key []byte) []byte { return t.at(b).Get(key) }

// put and del remember their first failure, which fails the transition.
func (t *tx) put(b bucketID, key, value []byte) {
	t.wrote = true
	if err := t.at(b).Put(key, value); err != nil && t.err == nil {
		t.err = fmt.Errorf("write to %s: %w", bucketNames[b], err)
	}
}

func (t *tx) del(b bucketID, key []byte) {
	t.wrote = true
	if err := t.at(b).Delete(key); err != nil && t.err == nil {
		t.err = fmt.Errorf("delete from %s: %w", bucketNames[b], err)
	}
}

// recordsSize is the size of a buffer for records, in bytes.
const recordsSize = 64 << 10

// putRecord encodes r. bbolt keeps the value until the commit, so each record
// has its own piece of one growing buffer, which the next transaction takes over.
func (t *tx) putRecord(b bucketID, key []byte, version byte, r record) {
	if cap(t.buf)-len(t.buf) < 1<<10 {
		t.buf = make([]byte, 0, recordsSize)
		t.db.records = t.buf
	}
	v := encode(t.buf[len(t.buf):], version, r)
	if len(v) <= cap(t.buf)-len(t.buf) {
		t.buf = t.buf[:len(t.buf)+len(v)]
	}
	t.put(b, key, v[:len(v):len(v)])
}

// flush writes what is kept once for the whole commit.
func (t *tx) flush() error {
	for u, h := range t.hooks {
		if h == nil {
			continue
		}
		if h.headStale {
			t.refreshHead(h)
		}
		if h.recordStale {
			t.putRecord(bWebhook, u[:], webhookVersion, &h.webhookRecord)
		}
		if h.countStale {
			t.put(bWebhookCounts, u[:], encodeCounts(h.counts[:]))
		}
		h.headStale, h.recordStale, h.countStale = false, false, false
	}
	for u, n := range t.folders {
		t.put(bFolderCounts, u[:], encodeCounts(n[:]))
	}
	if t.counts != t.db.counts {
		t.put(bMeta, keyCounts, t.counts.encode())
	}
	return t.err
}

// publish makes what was committed what the memory holds.
func (t *tx) publish() {
	db := t.db
	db.mu.Lock()
	defer db.mu.Unlock()
	db.counts = t.counts
	db.order = t.order
	db.lastServed = t.lastServed
	for u, h := range t.hooks {
		if h == nil {
			delete(db.hooks, u)
		} else {
			db.hooks[u] = h
		}
	}
}

func (t *tx) signal() {
	notify(t.jobs, t.db.jobsReady)
	notify(t.deliver, t.db.deliveriesReady)
	notify(t.events, t.db.eventsReady)
	notify(t.files, t.db.finishesReady)
	notify(t.again, t.db.filesDropped)
}

func notify(yes bool, c chan struct{}) {
	if !yes {
		return
	}
	select {
	case c <- struct{}{}:
	default:
	}
}

// job reads the job with the given id.
func (t *tx) job(id string) (*jobRecord, error) {
	u, err := store.ParseID(api.JobPrefix, id)
	if err != nil {
		return nil, err
	}
	return loadJob(t.get(bJob, u[:]), u)
}

func loadJob(v []byte, u uid) (*jobRecord, error) {
	if v == nil {
		return nil, api.Errorf(api.NotFound, "there is no job %s", store.FormatID(api.JobPrefix, u))
	}
	r := &jobRecord{key: u}
	if err := decode(v, jobVersion, r); err != nil {
		return nil, fmt.Errorf("read job %s: %w", store.FormatID(api.JobPrefix, u), err)
	}
	r.indexed()
	return r, nil
}

// saveJob writes a job and brings the indexes and counts in line with it.
func (t *tx) saveJob(r *jobRecord) {
	is := jobIndexed{stored: true, status: jobStatusByte(r.Status), queue: r.Queue, due: r.dueKey(), purge: r.PurgeAt}
	was := r.was
	if was.stored && was.due != 0 && (was.due != is.due || was.queue != is.queue) {
		t.del(bQueue, queueKey(was.queue, was.due, r.key))
	}
	if is.due != 0 && (!was.stored || was.due != is.due || was.queue != is.queue) {
		t.put(bQueue, queueKey(is.queue, is.due, r.key), nil)
	}
	if !was.stored || was.status != is.status {
		if was.stored {
			t.del(bJobStatus, statusKey(was.status, r.key))
			t.counts.jobs[was.status]--
		}
		t.put(bJobStatus, statusKey(is.status, r.key), nil)
		t.counts.jobs[is.status]++
	}
	if was.purge != is.purge {
		if was.purge != 0 {
			t.del(bPurge, purgeKey(was.purge, purgeJob, r.key))
		}
		if is.purge != 0 {
			t.put(bPurge, purgeKey(is.purge, purgeJob, r.key), nil)
		}
	}
	t.putRecord(bJob, r.key[:], jobVersion, r)
	r.was = is
	t.jobs = t.jobs || r.Status == api.Queued
}

// removeJob deletes a job's record and index entries.
func (t *tx) removeJob(r *jobRecord) {
	if r.was.due != 0 {
		t.del(bQueue, queueKey(r.was.queue, r.was.due, r.key))
	}
	t.del(bJobStatus, statusKey(r.was.status, r.key))
	if r.was.purge != 0 {
		t.del(bPurge, purgeKey(r.was.purge, purgeJob, r.key))
	}
	t.counts.jobs[r.was.status]--
	if r.Dedupe != "" {
		t.del(bDedupe, dedupeKey(r.Dedupe))
	}
	if r.Blob != "" {
		t.giveUpBlob(r.Blob)
	}
	t.del(bResult, r.key[:])
	t.del(bJob, r.key[:])
}

// keysWith returns up to limit keys of b that begin with prefix, copied; all
// of them when limit is 0.
func (t *tx) keysWith(b bucketID, prefix []byte, limit int) [][]byte {
	var keys [][]byte
	c := t.at(b).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && k != nil; k, _ = c.Next() {
		keys = append(keys, slices.Clone(k))
		if limit > 0 && len(keys) == limit {
			break
		}
	}
	return keys
}

// firstJobStatuses is how many job statuses schema 1 had: the counts of those
// that came later stand behind everything else.
const firstJobStatuses = 5

func (c *counts) encode() []byte {
	return encodeCounts(slices.Concat(c.jobs[:firstJobStatuses], c.orphan[:], c.jobs[firstJobStatuses:]))
}

func (c *counts) decode(b []byte) error {
	return decodeCounts(b, c.jobs[:firstJobStatuses], c.orphan[:], c.jobs[firstJobStatuses:])
}

func encodeCounts(n []int) []byte {
	b := []byte{1}
	for _, v := range n {
		b = binary.AppendVarint(b, int64(v))
	}
	return b
}

func decodeCounts(b []byte, into ...[]int) error {
	if len(b) == 0 {
		return nil
	}
	b = b[1:]
	for _, n := range into {
		if len(b) == 0 {
			break // an older program did not count these
		}
		for i := range n {
			v, size := binary.Varint(b)
			if size <= 0 {
				return errRecord
			}
			n[i], b = int(v), b[size:]
		}
	}
	return nil
}
