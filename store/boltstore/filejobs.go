package boltstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

const finishVersion = 1

type finishRecord struct {
	newer
	store.Finish
}

func (f *finishRecord) walk(c *coder) {
	c.id(api.FolderPrefix, &f.Folder)
	c.str(&f.Path)
	c.id(api.JobPrefix, &f.JobID)
	walkStamp(c, &f.Stamp)
	c.str(&f.SHA256)
	c.str(&f.Action)
	c.str(&f.To)
	c.strs(&f.Outputs)
	c.str(&f.Reason)
}

// ClaimFiles records that files are to be transcribed and submits their jobs,
// each file with its job in one step and up to MaxFileClaims of them in one
// commit. The records come back in order of the claims:
//   - a file that is known with this content and these options stays as it is,
//     so that a repeat makes no second job;
//   - a content that another file of the folder's scope has queued or done is
//     recorded as skipped, and what its claim says is left to do with it once
//     that file is transcribed;
//   - a file that was replaced gives up what was recorded of it, and its open
//     job is cancelled;
//   - of the rest, a job is queued.
func (db *DB) ClaimFiles(ctx context.Context, folderID string, claims []store.FileClaim) ([]store.FileRecord, error) {
	got := make([]store.FileRecord, 0, len(claims))
	for part := range slices.Chunk(claims, store.MaxFileClaims) {
		begin := len(got)
		err := db.update(ctx, func(t *tx) error {
			got = got[:begin]
			f, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			for _, c := range part {
				r, err := t.claimFile(f, u, c)
				if err != nil {
					return fmt.Errorf("file %q: %w", c.Path, err)
				}
				got = append(got, r.FileRecord)
			}
			return nil
		})
		if err != nil {
			return got[:begin], fmt.Errorf("claim files of folder %s: %w", folderID, err)
		}
	}
	return got, nil
}

func (t *tx) claimFile(f *folderRecord, u uid, c store.FileClaim) (*fileRecord, error) {
	k := fileKey(u, c.Path)
	fresh := store.FileRecord{Folder: f.ID, Path: c.Path, Stamp: c.Stamp, SHA256: c.SHA256, Options: c.Options, Status: store.FileQueued}
	r := &fileRecord{key: k}
	if v := t.get(bFile, k); v != nil {
		var err error
		if r, err = loadFile(v, k); err != nil {
			return nil, err
		}
		same := r.Same(&c)
		if same && !r.Gone {
			if !r.Stamp.Equal(c.Stamp) {
				r.Stamp = c.Stamp
				t.saveFile(r)
			}
			return r, nil
		}
		t.dropDuplicate(r)
		if !same {
			fresh.Outputs = r.Outputs
			if err := t.cancelJobOf(r); err != nil {
				return nil, err
			}
			t.dropContent(r)
		}
		t.del(bFinish, k)
	}
	r.FileRecord = fresh
	original, err := t.original(r, f.Options.Dedupe)
	if err != nil {
		return nil, err
	}
	if original != "" {
		return r, t.skipFile(r, original, c.Skip)
	}
	return r, t.queueFile(r, c.Job)
}

// original returns the job that has, or will have, the transcript of r's
// content, "" when there is none.
func (t *tx) original(r *fileRecord, dedupe api.Dedupe) (jobID string, err error) {
	if dedupe == api.DedupeOff {
		return "", nil
	}
	v := t.get(bContent, store.ContentKey(r.folder(), dedupe, r.SHA256, r.Options))
	if v == nil {
		return "", nil
	}
	first, err := loadFile(t.get(bFile, v), v)
	if errors.Is(err, api.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !first.HasTranscript() {
		return "", nil
	}
	return first.JobID, nil
}

func (t *tx) queueFile(r *fileRecord, j store.Job) error {
	j.Queue, j.Source.Folder, j.Source.Path, j.Dedupe = r.Folder, r.Folder, r.Path, ""
	if err := checkSubmit(&j); err != nil {
		return err
	}
	job, _, err := t.submit(j)
	if err != nil {
		return err
	}
	r.JobID = job.ID
	t.saveFile(r)
	t.takeContent(r)
	return nil
}

// planFinish records what is left to do with the file, if anything.
func (t *tx) planFinish(r *fileRecord, f store.Finish) {
	if !f.Planned() {
		return
	}
	t.putRecord(bFinish, r.key, finishVersion, &finishRecord{Finish: f.For(&r.FileRecord)})
	t.files = true
}

// fileOf returns the file whose job r is, nil when r is not one of a folder or
// its file has another job by now.
func (t *tx) fileOf(r *jobRecord) *fileRecord {
	u, err := store.ParseID(api.FolderPrefix, r.Source.Folder)
	if err != nil {
		return nil
	}
	k := fileKey(u, r.Source.Path)
	v := t.get(bFile, k)
	if v == nil {
		return nil
	}
	f, err := loadFile(v, k)
	if err != nil {
		t.err = err
		return nil
	}
	if f.JobID != r.ID || f.Status == store.FileSkipped {
		return nil
	}
	return f
}

// finishing reports whether something is left to do with the job's file.
func (t *tx) finishing(r *jobRecord) bool {
	f := t.fileOf(r)
	return f != nil && t.get(bFinish, f.key) != nil
}

// endedFile brings the file of a job that ended in line with it. A job that
// failed leaves it to the daemon what to do with the source.
func (t *tx) endedFile(r *jobRecord) {
	f := t.fileOf(r)
	if f == nil {
		return
	}
	if f.EndJob(&r.Job) {
		t.dropContent(f)
	}
	if r.Status == api.Failed {
		t.planFinish(f, store.Finish{Action: store.FinishDecide, Reason: r.Error.Message})
	}
	t.saveFile(f)
}

// retriedFile queues the file of a job that is tried again. It refuses when
// the file is another by now.
func (t *tx) retriedFile(r *jobRecord) error {
	if r.Source.Folder == "" {
		return nil
	}
	f := t.fileOf(r)
	if f == nil {
		return api.Errorf(api.Conflict, "the file %q has changed since: it is transcribed by another job", r.Source.Path)
	}
	f.Status, f.Reason = store.FileQueued, ""
	t.del(bFinish, f.key)
	t.saveFile(f)
	t.takeContent(f)
	return nil
}

// cancelJobOf cancels the open job of a file that is replaced or dropped.
func (t *tx) cancelJobOf(f *fileRecord) error {
	if f.Status != store.FileQueued {
		return nil
	}
	r, err := t.job(f.JobID)
	if errors.Is(err, api.NotFound) {
		return nil
	}
	if err != nil || r.Status.Terminal() {
		return err
	}
	t.spend(r, spentCancel)
	t.end(r, api.Cancelled)
	t.saveJob(r)
	return nil
}

// CompleteFile is Complete for the job of a folder's file. Its outputs are on
// disk already; fin says what they are and what to do with the source, and is
// recorded in the same commit.
func (db *DB) CompleteFile(ctx context.Context, tok store.Token, result []byte, ev store.Event, fin store.Finish) (store.Job, error) {
	return db.finishJob(ctx, tok, func(t *tx, r *jobRecord) error {
		if err := t.complete(r, result, ev); err != nil {
			return err
		}
		t.recordFinish(r, fin)
		return nil
	})
}

// recordFinish records the outputs and the plan for the file of an ended job.
func (t *tx) recordFinish(r *jobRecord, fin store.Finish) {
	f := t.fileOf(r)
	if f == nil {
		return
	}
	f.Outputs = fin.Outputs
	t.saveFile(f)
	t.del(bFinish, f.key)
	t.planFinish(f, fin)
}

// FinishDone records that what was planned is done, or need not be done any
// more. A repeat is nil, and so is one for a plan that another has replaced.
func (db *DB) FinishDone(ctx context.Context, fin store.Finish, res store.FinishResult) error {
	err := db.update(ctx, func(t *tx) error {
		u, err := store.ParseID(api.FolderPrefix, fin.Folder)
		if err != nil {
			return err
		}
		k := fileKey(u, fin.Path)
		var now finishRecord
		v := t.get(bFinish, k)
		if v == nil {
			return nil
		}
		if err := decode(v, finishVersion, &now); err != nil {
			return err
		}
		if !now.Same(&fin) {
			return nil
		}
		r, err := loadFile(t.get(bFile, k), k)
		if err != nil {
			return err
		}
		r.Finished(res)
		t.saveFile(r)
		t.del(bFinish, k)
		return nil
	})
	if err != nil {
		return fmt.Errorf("record that file %q is finished: %w", fin.Path, err)
	}
	return nil
}
