package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
)

// What is to be done with a source, in Finish.Action.
const (
	FinishLeave  = "leave"
	FinishMove   = "move"
	FinishDelete = "delete"
	// FinishDecide is what the store writes when it failed the job itself: the
	// daemon writes the error file and does what the folder says for failures.
	FinishDecide = "decide"
)

// Finish is what is left to do with a file, recorded before it is done. The
// source may only be touched while its content is the one recorded here.
type Finish struct {
	Folder  string // set by the store, like Path, JobID, Stamp and SHA256
	Path    string
	JobID   string
	Stamp   FileStamp
	SHA256  string
	Action  string   // FinishLeave or "" for nothing
	To      string   // of a move: the wanted path below the folder
	Outputs []string // paths of the files that were written for it
	Reason  string   // one line for people
}

const finishVersion = 1

func (f *Finish) walk(c *coder) {
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
func (db *DB) ClaimFiles(ctx context.Context, folderID string, claims []FileClaim) ([]FileRecord, error) {
	got := make([]FileRecord, 0, len(claims))
	for part := range slices.Chunk(claims, MaxFileClaims) {
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

func (t *tx) claimFile(f *folderRecord, u uid, c FileClaim) (*fileRecord, error) {
	k := fileKey(u, c.Path)
	fresh := FileRecord{Folder: f.ID, Path: c.Path, Stamp: c.Stamp, SHA256: c.SHA256, Options: c.Options, State: FileQueued}
	r := &fileRecord{key: k}
	if v := t.get(bFile, k); v != nil {
		var err error
		if r, err = loadFile(v, k); err != nil {
			return nil, err
		}
		same := r.SHA256 == c.SHA256 && r.Options == c.Options
		if r.State == FileIgnored {
			same = r.Stamp.Equal(c.Stamp) || r.SHA256 == c.SHA256
		}
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
func (t *tx) original(r *fileRecord, dedupe string) (jobID string, err error) {
	if dedupe == DedupeOff {
		return "", nil
	}
	v := t.get(bContent, contentKey(r.folder(), dedupe, r.SHA256, r.Options))
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
	switch first.State {
	case FileQueued, FileDone, FileSkipped: // the last was done once, and came again
		return first.JobID, nil
	}
	return "", nil
}

func (t *tx) queueFile(r *fileRecord, j Job) error {
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
func (t *tx) planFinish(r *fileRecord, f Finish) {
	if f.Action == "" || f.Action == FinishLeave {
		return
	}
	f.Folder, f.Path, f.JobID, f.Stamp, f.SHA256 = r.Folder, r.Path, r.JobID, r.Stamp, r.SHA256
	t.putRecord(bFinish, r.key, finishVersion, &f)
	t.files = true
}

// fileOf returns the file whose job r is, nil when r is not one of a folder or
// its file has another job by now.
func (t *tx) fileOf(r *jobRecord) *fileRecord {
	u, err := parseID(api.FolderPrefix, r.Source.Folder)
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
	if f.JobID != r.ID || f.State == FileSkipped {
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
// failed otherwise than by FailFile leaves it to the daemon what to do.
func (t *tx) endedFile(r *jobRecord) {
	f := t.fileOf(r)
	if f == nil {
		return
	}
	switch r.State {
	case api.Completed:
		f.State, f.Reason = FileDone, ""
	case api.Failed:
		f.State, f.Reason = FileFailed, r.Error.Message
		t.dropContent(f)
		t.planFinish(f, Finish{Action: FinishDecide, Reason: r.Error.Message})
	case api.Cancelled:
		f.State, f.Reason = FileCancelled, "its job was cancelled"
		t.dropContent(f)
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
	f.State, f.Reason = FileQueued, ""
	t.del(bFinish, f.key)
	t.saveFile(f)
	t.takeContent(f)
	return nil
}

// cancelJobOf cancels the open job of a file that is replaced or forgotten.
func (t *tx) cancelJobOf(f *fileRecord) error {
	if f.State != FileQueued {
		return nil
	}
	r, err := t.job(f.JobID)
	if errors.Is(err, api.NotFound) {
		return nil
	}
	if err != nil || r.State.Terminal() {
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
func (db *DB) CompleteFile(ctx context.Context, tok Token, result []byte, ev Event, fin Finish) (Job, error) {
	return db.finishJob(ctx, tok, func(t *tx, r *jobRecord) error {
		if err := t.complete(r, result, ev); err != nil {
			return err
		}
		t.settleFile(r, fin)
		return nil
	})
}

// FailFile is the final Fail for the job of a folder's file, with what to do
// with the source.
func (db *DB) FailFile(ctx context.Context, tok Token, why JobError, ev Event, fin Finish) (got Job, err error) {
	return db.failJob(ctx, tok, func(t *tx, r *jobRecord) error {
		if err := t.fail(r, why, time.Time{}, ev); err != nil {
			return err
		}
		t.settleFile(r, fin)
		return nil
	})
}

// settleFile records the outputs and the plan for the file of an ended job.
func (t *tx) settleFile(r *jobRecord, fin Finish) {
	f := t.fileOf(r)
	if f == nil {
		return
	}
	f.Outputs = fin.Outputs
	t.saveFile(f)
	t.del(bFinish, f.key)
	t.planFinish(f, fin)
}

// FinishResult is what became of a source.
type FinishResult struct {
	Gone    bool     // it was moved or deleted
	MovedTo string   // path below the folder
	Outputs []string // files written meanwhile, such as an error file
	Reason  string   // one line for people, where it was left
}

// FinishDone records that what was planned is done, or need not be done any
// more. A repeat is nil, and so is one for a plan that another has replaced.
func (db *DB) FinishDone(ctx context.Context, fin Finish, res FinishResult) error {
	err := db.update(ctx, func(t *tx) error {
		u, err := parseID(api.FolderPrefix, fin.Folder)
		if err != nil {
			return err
		}
		k := fileKey(u, fin.Path)
		var now Finish
		v := t.get(bFinish, k)
		if v == nil {
			return nil
		}
		if err := decode(v, finishVersion, &now); err != nil {
			return err
		}
		if now.JobID != fin.JobID || now.SHA256 != fin.SHA256 || !now.Stamp.Equal(fin.Stamp) {
			return nil
		}
		r, err := loadFile(t.get(bFile, k), k)
		if err != nil {
			return err
		}
		r.Gone, r.MovedTo = res.Gone, res.MovedTo
		for _, o := range res.Outputs {
			if !slices.Contains(r.Outputs, o) {
				r.Outputs = append(r.Outputs, o)
			}
		}
		if res.Reason != "" {
			r.Reason = res.Reason
		}
		t.saveFile(r)
		t.del(bFinish, k)
		return nil
	})
	if err != nil {
		return fmt.Errorf("record that file %q is finished: %w", fin.Path, err)
	}
	return nil
}
