package dropfolder

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// Waits of what belongs to folders.
const (
	finishChunk  = 100
	outputPause  = 500 * time.Millisecond // doubled
	outputReturn = 5 * time.Minute        // a job whose outputs alone cannot be written rests
)

// finishLoop does what is recorded to be done with sources, until ctx ends.
// What cannot be done now is tried again.
func (fs *Folders) finishLoop(ctx context.Context) {
	for {
		var again <-chan time.Time
		if fs.finishAll(ctx) {
			again = time.After(retry.Jitter(fs.cfg.Intervals.Finish))
		}
		select {
		case <-ctx.Done():
			return
		case <-fs.cfg.Store.FinishesReady():
		case <-fs.cfg.Store.FilesDropped():
			for _, f := range fs.list() {
				f.watcher.Rescan()
			}
		case <-again:
		}
	}
}

// finishAll goes once through what is to be done, and reports whether some of
// it is left.
func (fs *Folders) finishAll(ctx context.Context) (stuck bool) {
	late := map[string]*setback{} // by folder
	var after *store.Finish
	for more := true; more && ctx.Err() == nil; {
		fins, err := fs.cfg.Store.PendingFinishes(ctx, after, finishChunk)
		if err != nil {
			fs.cfg.Logger.Error("read what is to be done with sources", "error", err)
			return true
		}
		for _, fin := range fins {
			if err := fs.finishOne(ctx, fin); err != nil {
				late[fin.Folder] = late[fin.Folder].another(err)
			}
		}
		if more = len(fins) == finishChunk; more {
			after = &fins[len(fins)-1]
		}
	}
	if ctx.Err() != nil {
		return true
	}
	for _, f := range fs.list() {
		f.isLate(late[f.id])
	}
	return len(late) > 0
}

func (fs *Folders) finishOne(ctx context.Context, fin store.Finish) error {
	f := fs.get(fin.Folder)
	if f == nil {
		return nil // not watched now: it is done when it is watched again
	}
	if err := f.absent(); err != nil {
		return err
	}
	if err := f.cleanUp(ctx); err != nil {
		return err
	}
	in, err := f.intent(ctx, fin)
	if err != nil {
		return err
	}
	out, err := f.finisher().Finish(ctx, in)
	if err != nil {
		return err
	}
	res := store.FinishResult{Gone: out.Gone, MovedTo: out.MovedTo, Reason: out.Reason}
	if out.ErrorFile.Path != "" {
		res.Outputs = []string{out.ErrorFile.String()}
	}
	if err := fs.at("record"); err != nil {
		return err
	}
	return errors.Join(f.fs.cfg.Store.FinishDone(ctx, fin, res), fs.at("recorded"))
}

// intent turns what is recorded into what the finisher does. Where the record
// leaves it to us, the end of the job and the folder's options decide.
func (f *folder) intent(ctx context.Context, fin store.Finish) (watch.Intent, error) {
	in := watch.Intent{Path: fin.Path, Stat: statOf(fin.Stamp), SHA256: fin.SHA256, Action: fin.Action, To: fin.To}
	rec, err := f.fs.cfg.Store.File(ctx, fin.Folder, fin.Path)
	if err != nil && !isGone(err) {
		return in, err
	}
	for _, o := range outputsOf(rec) {
		if watch.IsErrorFile(o.Path) {
			in.Stale = append(in.Stale, o)
		}
	}
	if fin.Action != store.FinishDecide {
		return in, nil
	}
	if rec.Status != store.FileFailed {
		in.Action, in.To = f.rules.Done(fin.Path)
		return in, nil
	}
	in.Action, in.To = f.rules.Failed(fin.Path)
	in.Error, err = f.errorFile(ctx, fin)
	return in, err
}

// errorFile is the content of <name>.error.json. It follows from the job
// alone, so that a repeat writes the same.
func (f *folder) errorFile(ctx context.Context, fin store.Finish) ([]byte, error) {
	job, err := f.fs.cfg.Store.Job(ctx, fin.JobID)
	if err != nil && !isGone(err) {
		return nil, err
	}
	why := job.Error
	if why.Message == "" {
		why = store.JobError{Code: api.JobInternal, Message: fin.Reason}
	}
	body, err := json.MarshalIndent(struct {
		File     string    `json:"file"`
		JobID    string    `json:"job_id"`
		Error    string    `json:"error"`
		Code     string    `json:"error_code"`
		FailedAt time.Time `json:"failed_at,omitzero"`
		Hint     string    `json:"hint"`
	}{watch.Printable(fin.Path), fin.JobID, why.Message, why.Code, job.FinishedAt,
		"delete this file, or replace the audio, to try again"}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(body, '\n'), nil
}
