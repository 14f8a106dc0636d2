package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// What a repair does with each kind of record. One that can be read is written
// as if it were new, so that its indexes and counts follow.

var (
	errLostEvent  = errors.New("the event that it sends cannot be read")
	errLostJob    = errors.New("its job cannot be read: the file will be looked at again")
	errLostFolder = errors.New("the record of its folder cannot be read")
	errOtherID    = errors.New("the record has another id than its place")
)

// keyOf returns the id of a key, ok false for one of another length.
func keyOf(k []byte) (u uid, ok bool) {
	if len(k) != len(u) {
		return u, false
	}
	return uid(k), true
}

func (r *repair) webhooks(ctx context.Context) error {
	return r.each(ctx, bWebhook, func(t *tx, k, v []byte) error {
		u, ok := keyOf(k)
		h := &hook{key: u, inflight: map[uid]int64{}}
		err := decode(v, webhookVersion, &h.webhookRecord)
		if err == nil && (!ok || h.ID != store.FormatID(api.WebhookPrefix, u)) {
			err = errOtherID
		}
		if err != nil {
			r.drop("webhook", store.FormatID(api.WebhookPrefix, u), err)
			return nil
		}
		t.addHook(h)
		h.countStale = true
		r.Kept["webhook"]++
		return nil
	})
}

func (r *repair) results(ctx context.Context) error {
	return r.each(ctx, bResult, func(t *tx, k, v []byte) error {
		u, ok := keyOf(k)
		if b, err := loadResult(v); err == nil && ok { // else its job tells
			t.putRecord(bResult, u[:], resultVersion, &resultRecord{JSON: b})
		}
		return nil
	})
}

func (r *repair) jobs(ctx context.Context) error {
	return r.each(ctx, bJob, func(t *tx, k, v []byte) error {
		u, ok := keyOf(k)
		j, err := loadJob(v, u)
		if err == nil && (!ok || j.ID != store.FormatID(api.JobPrefix, u)) {
			err = errOtherID
		}
		if err != nil {
			r.drop("job", store.FormatID(api.JobPrefix, u), err)
			return nil
		}
		j.was = jobIndexed{}
		if j.Status == api.Completed && t.get(bResult, u[:]) == nil {
			j.Status = api.Failed
			j.Error = store.JobError{Code: api.JobInternal, Message: "its transcript could not be read when the database was repaired; submit the file again"}
			r.drop("result", j.ID, errRecord)
		} else if j.Status == api.Completed {
			r.Kept["result"]++
		}
		if j.Dedupe != "" {
			t.put(bDedupe, dedupeKey(j.Dedupe), u[:])
		}
		if j.Blob != "" {
			t.put(bBlob, []byte(j.Blob), u[:])
		}
		t.saveJob(j)
		r.Kept["job"]++
		return nil
	})
}

// givenUpBlobs keeps in mind which files can be removed. What a job needs is
// none of them, whatever the old file says.
func (r *repair) givenUpBlobs(ctx context.Context) error {
	return r.each(ctx, bBlob, func(t *tx, k, v []byte) error {
		if name, ok := bytes.CutPrefix(k, givenUp); ok && len(v) == 0 && t.get(bBlob, name) == nil {
			t.put(bBlob, k, nil)
		}
		return nil
	})
}

// strayResults removes results of jobs that are not completed.
func (r *repair) strayResults(ctx context.Context) error {
	return r.each(ctx, bResult, func(t *tx, k, _ []byte) error {
		u, _ := keyOf(k)
		if j, err := loadJob(t.get(bJob, u[:]), u); err != nil || j.Status != api.Completed {
			t.del(bResult, k)
		}
		return nil
	})
}

func (r *repair) events(ctx context.Context) error {
	return r.each(ctx, bEvent, func(t *tx, k, v []byte) error {
		e, err := loadEvent(v)
		var u, job uid
		if err == nil {
			u, err = store.ParseID(api.EventPrefix, e.ID)
		}
		if err == nil && e.JobID != "" {
			job, err = store.ParseID(api.JobPrefix, e.JobID)
		}
		if err == nil && (len(k) != 8 || e.Seq != binary.BigEndian.Uint64(k)) {
			err = errOtherID
		}
		if err != nil {
			r.drop("event", "", err)
			return nil
		}
		t.putRecord(bEvent, k, eventVersion, e)
		t.put(bEventID, u[:], k)
		if b := t.at(bEvent); b.Sequence() < e.Seq {
			if err := b.SetSequence(e.Seq); err != nil {
				return err
			}
		}
		r.Kept["event"]++
		if e.JobID == "" {
			t.put(bPurge, purgeKey(max(nanos(e.CreatedAt), 1), purgeEvent, u), k)
			return nil
		}
		t.put(bJobEvent, append(job[:], k...), nil)
		if t.get(bJob, job[:]) == nil {
			t.put(bPurge, purgeKey(1, purgeJob, job), nil)
		}
		return nil
	})
}

func (r *repair) deliveries(ctx context.Context) error {
	return r.each(ctx, bDelivery, func(t *tx, k, v []byte) error {
		u, ok := keyOf(k)
		d, err := loadDelivery(v, u)
		switch {
		case err != nil:
		case !ok || d.ID != store.FormatID(api.DeliveryPrefix, u):
			err = errOtherID
		case t.get(bEvent, seqKey(d.Seq)) == nil:
			err = errLostEvent
		}
		if err != nil {
			r.drop("delivery", store.FormatID(api.DeliveryPrefix, u), err)
			return nil
		}
		d.was = deliveryIndexed{}
		t.addDelivery(d)
		r.Kept["delivery"]++
		return nil
	})
}

func (r *repair) attempts(ctx context.Context) error {
	return r.each(ctx, bAttempt, func(t *tx, k, v []byte) error {
		var a attemptRecord
		u, ok := keyOf(k)
		readable, d := decode(v, attemptVersion, &a) == nil && ok, u.Delivery()
		switch {
		case !readable:
			r.drop("attempt", store.FormatID(api.DeliveryPrefix, u), errRecord)
		case t.get(bDelivery, d[:]) != nil:
			t.putRecord(bAttempt, k, attemptVersion, &a)
			r.Kept["attempt"]++
		}
		return nil
	})
}

func (r *repair) folders(ctx context.Context) error {
	return r.each(ctx, bFolder, func(t *tx, k, v []byte) error {
		var f folderRecord
		u, ok := keyOf(k)
		err := decode(v, folderVersion, &f)
		if err == nil && (!ok || f.ID != store.FormatID(api.FolderPrefix, u)) {
			err = errOtherID
		}
		if err != nil {
			r.drop("folder", store.FormatID(api.FolderPrefix, u), err)
			return nil
		}
		t.putRecord(bFolder, k, folderVersion, &f)
		r.Kept["folder"]++
		return nil
	})
}

func (r *repair) files(ctx context.Context) error {
	return r.each(ctx, bFile, func(t *tx, k, v []byte) error {
		if len(k) < 16 {
			return nil
		}
		f, err := loadFile(v, k)
		switch {
		case err != nil:
		case f.Path != string(k[16:]):
			err = errOtherID
		case t.get(bFolder, k[:16]) == nil:
			err = errLostFolder
		case f.Status == store.FileQueued && !t.hasJob(f.JobID):
			err = errLostJob
		}
		if err != nil {
			r.drop("file", string(k[16:]), err)
			return nil
		}
		t.putRecord(bFile, k, fileVersion, f)
		t.put(bFileStatus, fileStatusKey(k, *f.was), nil)
		t.fileCounts(f.folder())[*f.was]++
		r.Kept["file"]++
		return nil
	})
}

func (t *tx) hasJob(id string) bool {
	u, err := store.ParseID(api.JobPrefix, id)
	return err == nil && t.get(bJob, u[:]) != nil
}

// contents keeps which file has the transcript of a content, and finds one for
// a content whose entry is lost.
func (r *repair) contents(ctx context.Context) error {
	err := r.each(ctx, bContent, func(t *tx, k, v []byte) error {
		if len(v) < 16 {
			return nil
		}
		f, err := loadFile(t.get(bFile, v), v)
		for _, scope := range store.ContentScopes {
			if err == nil && bytes.Equal(k, store.ContentKey(f.folder(), scope, f.SHA256, f.Options)) {
				t.put(bContent, k, v)
			}
		}
		return nil
	})
	if err != nil || !r.bad[string(bucketNames[bContent])] {
		return err
	}
	return r.each(ctx, bFile, func(t *tx, k, _ []byte) error {
		if f, err := loadFile(t.get(bFile, k), k); err == nil && slices.Contains([]store.FileStatus{store.FileQueued, store.FileDone}, f.Status) {
			t.takeContent(f)
		}
		return nil
	})
}

func (r *repair) finishes(ctx context.Context) error {
	return r.each(ctx, bFinish, func(t *tx, k, v []byte) error {
		var f finishRecord
		if t.get(bFile, k) == nil {
			return nil
		}
		if err := decode(v, finishVersion, &f); err != nil {
			r.drop("finish", string(k[16:]), err)
		} else {
			t.putRecord(bFinish, k, finishVersion, &f)
		}
		return nil
	})
}

// duplicates keeps what waits for a job. A file that waits for one that is lost
// is dropped, and claimed anew.
func (r *repair) duplicates(ctx context.Context) error {
	return r.each(ctx, bDuplicate, func(t *tx, k, v []byte) error {
		if len(k) < 32 || t.get(bFile, k[16:]) == nil {
			return nil
		}
		f, err := loadFile(t.get(bFile, k[16:]), k[16:])
		if err != nil {
			return err
		}
		if f.Status != store.FileSkipped || f.JobID != store.FormatID(api.JobPrefix, uid(k[:16])) {
			return nil
		}
		var after finishRecord
		j, errJob := loadJob(t.get(bJob, k[:16]), uid(k[:16]))
		if decode(v, finishVersion, &after) == nil && errJob == nil && !j.Status.Terminal() {
			t.putRecord(bDuplicate, k, finishVersion, &after)
		} else {
			r.drop("file", string(k[32:]), errLostJob)
			t.removeFile(f)
		}
		return nil
	})
}
