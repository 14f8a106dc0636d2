package boltstore

import (
	"errors"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// A duplicate that is found while its original waits for its turn shares the
// fate of that job. Completed, there is a transcript, and the duplicate gets
// its own last step. Otherwise it is dropped, to be claimed in the place of
// the original: it may be the only one that is left.

func duplicateKey(job uid, file []byte) []byte { return append(job[:], file...) }

// skipFile records r as a duplicate of the file of a job.
func (t *tx) skipFile(r *fileRecord, jobID string, after store.Finish) error {
	r.Status, r.JobID = store.FileSkipped, jobID
	r.Reason = "a duplicate of the file of " + jobID
	t.saveFile(r)
	j, err := t.job(jobID)
	switch {
	case errors.Is(err, api.NotFound): // done, and purged
	case err != nil:
		return err
	case !j.Status.Terminal():
		t.putRecord(bDuplicate, duplicateKey(j.key, r.key), finishVersion, &finishRecord{Finish: after})
		return nil
	}
	t.planFinish(r, after)
	return nil
}

// endDuplicates ends the wait of a job's duplicates.
func (t *tx) endDuplicates(job uid, completed bool) {
	for _, k := range t.keysWith(bDuplicate, job[:], 0) {
		var after finishRecord
		err := decode(t.get(bDuplicate, k), finishVersion, &after)
		r, errFile := loadFile(t.get(bFile, k[16:]), k[16:])
		if err := errors.Join(err, errFile); err != nil {
			t.err = err
			return
		}
		if !completed {
			t.removeFile(r) // and with it the entry at k
			t.again = true
			continue
		}
		t.del(bDuplicate, k)
		t.planFinish(r, after.Finish)
	}
}

// waits reports whether the file is a duplicate that waits for its original.
func (t *tx) waits(r *fileRecord) bool {
	u, err := store.ParseID(api.JobPrefix, r.JobID)
	return err == nil && t.get(bDuplicate, duplicateKey(u, r.key)) != nil
}

// dropDuplicate ends the wait of a file that is replaced or dropped.
func (t *tx) dropDuplicate(r *fileRecord) {
	if r.Status != store.FileSkipped {
		return
	}
	if u, err := store.ParseID(api.JobPrefix, r.JobID); err == nil {
		t.del(bDuplicate, duplicateKey(u, r.key))
	}
}
