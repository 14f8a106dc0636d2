package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/boltfile"
	"github.com/voxparse/voxparse/store"
)

// checker compares the records with the indexes and counts that follow from
// them: each record has its entries, and there are no others.
type checker struct {
	t       *tx
	want    [nBuckets]int // entries that follow from the records
	hooks   map[uid]*hook
	found   map[uid]*[nDeliveryStatuses]int
	orphan  [nDeliveryStatuses]int
	jobs    [nJobStatuses]int
	files   map[uid]*[nFileStatuses]int
	gone    map[uid]bool // jobs of which there are only events
	badness []error
}

// maxProblems bounds what a check reports.
const maxProblems = 20

func (c *checker) problem(format string, args ...any) {
	if len(c.badness) < maxProblems {
		c.badness = append(c.badness, fmt.Errorf(format, args...))
	}
}

// Check reads the whole database at path and reports what is wrong with its
// pages, or with its indexes against its records. Of a file of an older schema
// it reads the pages, and one of a newer schema is api.Invalid. The error is
// ErrLocked while a daemon has the database open. A large file takes its time
// and memory: run it in a process of its own.
func Check(path string) error {
	release, err := shareLock(path)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer release()
	schema, err := checkPages(context.Background(), path)
	if err != nil || schema < newestSchema() {
		return err
	}
	b, err := openRead(path, true)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return errors.Join(b.View(checkRecords), b.Close())
}

// checkPages checks the pages of a file that this program can read, and returns
// its schema.
func checkPages(ctx context.Context, path string) (uint32, error) {
	f, err := boltfile.Open(path)
	if err != nil {
		return 0, inWords(err)
	}
	defer f.Close()
	schema, err := schemaIn(ctx, f)
	if err == nil && schema > newestSchema() {
		err = newerSchema(path, schema, newestSchema())
	}
	if err != nil {
		return 0, err
	}
	return schema, inWords(f.Check(ctx))
}

// checkRecords returns what is wrong with the records and indexes of a database
// of the newest schema.
func checkRecords(b *bolt.Tx) error {
	if err := findProblems(b); err != nil {
		return damaged(err.Error())
	}
	return nil
}

// findProblems compares records and indexes.
func findProblems(b *bolt.Tx) error {
	c := &checker{t: &tx{db: &DB{}, bolt: b}, hooks: map[uid]*hook{}, found: map[uid]*[nDeliveryStatuses]int{}, files: map[uid]*[nFileStatuses]int{}, gone: map[uid]bool{}}
	for i, name := range bucketNames {
		if b.Bucket(name) == nil {
			return fmt.Errorf("bucket %s is missing", bucketNames[i])
		}
	}
	steps := []struct {
		bucket bucketID
		each   func(k, v []byte) error
	}{
		{bWebhook, c.webhook}, {bJob, c.job}, {bResult, c.result}, {bEvent, c.event}, {bDelivery, c.delivery},
		{bAttempt, c.attempt}, {bFolder, c.folder}, {bFile, c.file}, {bContent, c.content}, {bFinish, c.finish}, {bDuplicate, c.duplicate},
	}
	for _, s := range steps {
		if err := c.t.at(s.bucket).ForEach(s.each); err != nil {
			return err
		}
	}
	c.sizes()
	if err := c.countsAgree(); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return c.summed()
}

// summed is the first problem, and how many there are besides.
func (c *checker) summed() error {
	switch n := len(c.badness); n {
	case 0, 1:
		return errors.Join(c.badness...)
	case maxProblems:
		return fmt.Errorf("%w (and more)", c.badness[0])
	default:
		return fmt.Errorf("%w (and %d more)", c.badness[0], n-1)
	}
}

// entry expects an entry of an index.
func (c *checker) entry(of string, b bucketID, key []byte) {
	c.want[b]++
	if k, _ := c.t.at(b).Cursor().Seek(key); !bytes.Equal(k, key) {
		c.problem("%s has no entry in %s", of, bucketNames[b])
	}
}

// points expects an entry of an index with a value.
func (c *checker) points(of string, b bucketID, key, value []byte) {
	c.want[b]++
	if !bytes.Equal(c.t.get(b, key), value) {
		c.problem("%s is not what its entry in %s names", of, bucketNames[b])
	}
}

func (c *checker) webhook(k, v []byte) error {
	h := &hook{key: uid(k)}
	if err := decode(v, webhookVersion, &h.webhookRecord); err != nil {
		return fmt.Errorf("read webhook: %w", err)
	}
	c.hooks[h.key] = h
	c.found[h.key] = new([nDeliveryStatuses]int)
	return nil
}

func (c *checker) job(k, v []byte) error {
	r, err := loadJob(v, uid(k))
	if err != nil {
		return err
	}
	c.jobs[r.was.status]++
	c.entry(r.ID, bJobStatus, statusKey(r.was.status, r.key))
	if r.was.due != 0 {
		c.entry(r.ID, bQueue, queueKey(r.was.queue, r.was.due, r.key))
	}
	if r.PurgeAt != 0 {
		c.entry(r.ID, bPurge, purgeKey(r.PurgeAt, purgeJob, r.key))
	}
	if r.Dedupe != "" {
		c.points(r.ID, bDedupe, dedupeKey(r.Dedupe), r.key[:])
	}
	if r.Blob != "" {
		c.points(r.ID, bBlob, []byte(r.Blob), r.key[:])
	}
	if r.Status == api.Completed {
		c.want[bResult]++
		if c.t.get(bResult, r.key[:]) == nil {
			c.problem("%s is completed and has no result", r.ID)
		}
	}
	return nil
}

func (c *checker) result(_, v []byte) error {
	_, err := loadResult(v)
	return err
}

func (c *checker) event(k, v []byte) error {
	e, err := loadEvent(v)
	if err != nil {
		return err
	}
	u, err := store.ParseID(api.EventPrefix, e.ID)
	if err != nil {
		return err
	}
	if e.Seq != binary.BigEndian.Uint64(k) {
		c.problem("%s has number %d at %d", e.ID, e.Seq, binary.BigEndian.Uint64(k))
	}
	c.points(e.ID, bEventID, u[:], k)
	if e.JobID == "" {
		c.want[bPurge]++ // its time is not in the record
		return nil
	}
	job, err := store.ParseID(api.JobPrefix, e.JobID)
	if err != nil {
		return err
	}
	c.entry(e.ID, bJobEvent, append(job[:], k...))
	if c.t.get(bJob, job[:]) == nil && !c.gone[job] {
		c.gone[job] = true
		c.want[bPurge]++ // of a job that a repair could not keep
	}
	return nil
}

func (c *checker) delivery(k, v []byte) error {
	r, err := loadDelivery(v, uid(k))
	if err != nil {
		return err
	}
	h := c.hooks[r.hook]
	if h == nil {
		c.orphan[r.was.status]++
	} else {
		c.found[r.hook][r.was.status]++
	}
	c.entry(r.ID, bDeliveryStatus, hookStatusKey(r.hook, r.was.status, r.key))
	c.entry(r.ID, bJobDelivery, pairKey(r.owner(), r.key))
	if r.was.due != 0 {
		c.entry(r.ID, bDue, orderedKey(r.hook, uint64(r.was.due), r.key))
	}
	if h != nil && h.Ordered && (r.was.due != 0 || r.was.lease != 0) {
		c.entry(r.ID, bSeq, orderedKey(r.hook, r.Seq, r.key))
	}
	if c.t.get(bEvent, seqKey(r.Seq)) == nil {
		c.problem("%s has no event", r.ID)
	}
	return nil
}

func (c *checker) attempt(k, v []byte) error {
	var a attemptRecord
	if err := decode(v, attemptVersion, &a); err != nil {
		return fmt.Errorf("read attempt: %w", err)
	}
	if d := uid(k).Delivery(); c.t.get(bDelivery, d[:]) == nil {
		c.problem("attempt %s has no delivery", a.ID)
	}
	return nil
}

func (c *checker) file(k, v []byte) error {
	r, err := loadFile(v, k)
	if err != nil {
		return err
	}
	n := c.files[r.folder()]
	if n == nil {
		n = new([nFileStatuses]int)
		c.files[r.folder()] = n
	}
	n[*r.was]++
	c.entry(r.Path, bFileStatus, fileStatusKey(k, *r.was))
	return nil
}

func (c *checker) content(_, v []byte) error {
	if c.t.get(bFile, v) == nil {
		c.problem("a content names the unknown file %q", v)
	}
	return nil
}

func (c *checker) folder(k, _ []byte) error {
	_, err := c.t.folderAt(uid(k))
	return err
}

func (c *checker) finish(k, v []byte) error {
	var f finishRecord
	if err := decode(v, finishVersion, &f); err != nil {
		return fmt.Errorf("read what is left to do with %q: %w", k[16:], err)
	}
	if c.t.get(bFile, k) == nil {
		c.problem("there is something left to do with the unknown file %q", k)
	}
	return nil
}

func (c *checker) duplicate(k, v []byte) error {
	var after finishRecord
	if err := decode(v, finishVersion, &after); err != nil {
		return fmt.Errorf("read what is left to do with %q: %w", k[32:], err)
	}
	f, err := loadFile(c.t.get(bFile, k[16:]), k[16:])
	if err != nil || f.Status != store.FileSkipped || f.JobID != store.FormatID(api.JobPrefix, uid(k[:16])) {
		c.problem("the file %q waits for a job that is not its own (%v)", k[32:], err)
		return nil
	}
	if j, err := loadJob(c.t.get(bJob, k[:16]), uid(k[:16])); err != nil || j.Status.Terminal() {
		c.problem("the file %q waits for job %s, which has ended (%v)", k[32:], f.JobID, err)
	}
	return nil
}

// sizes finds entries that follow from no record.
func (c *checker) sizes() {
	for _, b := range []bucketID{bJobStatus, bQueue, bPurge, bDedupe, bBlob, bResult, bEventID, bJobEvent, bDeliveryStatus, bJobDelivery, bDue, bSeq, bFileStatus} {
		n := 0
		cur := c.t.at(b).Cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			if b == bBlob && bytes.HasPrefix(k, givenUp) {
				continue // of a job that is gone or completed
			}
			n++
		}
		if n != c.want[b] {
			c.problem("%s has %d entries, and the records make %d", bucketNames[b], n, c.want[b])
		}
	}
}

func (c *checker) countsAgree() error {
	var kept counts
	if err := kept.decode(c.t.get(bMeta, keyCounts)); err != nil {
		return err
	}
	if kept.jobs != c.jobs || kept.orphan != c.orphan {
		c.problem("the kept counts are %v, and the records make %v and %v", kept, c.jobs, c.orphan)
	}
	for u, want := range c.found {
		var n [nDeliveryStatuses]int
		if err := decodeCounts(c.t.get(bWebhookCounts, u[:]), n[:]); err != nil {
			return err
		}
		if n != *want {
			c.problem("%s has the kept counts %v, and the records make %v", store.FormatID(api.WebhookPrefix, u), n, *want)
		}
	}
	for u, want := range c.files {
		var n [nFileStatuses]int
		if err := decodeCounts(c.t.get(bFolderCounts, u[:]), n[:]); err != nil {
			return err
		}
		if !slices.Equal(n[:], want[:]) {
			c.problem("%s has the kept counts %v, and the records make %v", store.FormatID(api.FolderPrefix, u), n, *want)
		}
	}
	return nil
}
