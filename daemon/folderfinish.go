package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/transcript"
	"github.com/voxparse/voxparse/watch"
)

// Waits of what belongs to folders.
const (
	finishChunk  = 100
	outputPause  = 500 * time.Millisecond // doubled
	outputReturn = 5 * time.Minute        // a job whose outputs alone cannot be written rests
)

// audioOf opens the source of a folder's job for the engine. It is read by way
// of the open file, so that neither a link nor a newer file of its name can
// take its place. The caller calls release when the engine is done.
func (fs *folders) audioOf(job store.Job) (name string, release func(), err error) {
	f := fs.get(job.Source.Folder)
	if f == nil {
		return "", nil, api.Errorf(api.Unavailable, "its folder is not watched at the moment")
	}
	rec, err := f.d.db.File(context.Background(), f.id, job.Source.Path)
	if err != nil {
		return "", nil, err
	}
	file, err := f.finisher().Open(job.Source.Path, statOf(rec.Stamp))
	if errors.Is(err, api.Conflict) {
		return "", nil, f.missing(job)
	}
	if err != nil {
		return "", nil, err
	}
	release = func() { _ = file.Close() } // it was only read
	if runtime.GOOS == "linux" {
		return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()), release, nil
	}
	return file.Name(), release, nil
}

// missing is the error for a source that is not there as it was hashed. One
// that was replaced waits: the watcher names the new one, which cancels this
// job. One that is gone has failed.
func (f *folder) missing(job store.Job) error {
	root, err := f.finisher().Place.Open()
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat(job.Source.Path); err == nil {
		return api.Errorf(api.Unavailable, "the file has changed since it was accepted; the new one is looked at")
	}
	return &engine.Error{Code: api.JobSourceGone, Message: "the file was removed from its folder before it was transcribed; drop it again if it is still wanted"}
}

// complete writes the outputs of a folder's job, then commits its end.
func (fs *folders) complete(ctx context.Context, r *run, result *api.Result, stored []byte, ev store.Event) (store.Job, error) {
	f := fs.get(r.job.Source.Folder)
	if f == nil {
		return store.Job{}, api.Errorf(api.Unavailable, "its folder is not watched at the moment")
	}
	before, err := f.d.db.File(ctx, f.id, r.job.Source.Path)
	if err != nil {
		return store.Job{}, err
	}
	contents, err := f.contents(result)
	if err != nil {
		return store.Job{}, err
	}
	outs, err := f.write(ctx, r, contents, outputsOf(before))
	if err != nil {
		return store.Job{}, err
	}
	action, to := f.rules.Done(r.job.Source.Path)
	for _, o := range outputsOf(before) {
		if watch.IsErrorFile(o.Path) { // of an earlier try: to be removed
			outs, action = append(outs, o), store.FinishDecide
		}
	}
	if err := fs.at("commit"); err != nil {
		return store.Job{}, err
	}
	var done store.Job
	err = f.d.work.insist(ctx, r, "complete", func() (err error) {
		done, err = f.d.db.CompleteFile(ctx, r.job.Token(), stored, ev, store.Finish{Action: action, To: to, Outputs: outputStrings(outs)})
		return err
	})
	return done, errors.Join(err, fs.at("committed"))
}

// contents renders the result in the folder's formats.
func (f *folder) contents(result *api.Result) ([]watch.Content, error) {
	formats := f.record().Options.Formats
	if len(formats) == 0 {
		formats = []string{"txt"}
	}
	out := make([]watch.Content, 0, len(formats))
	for _, format := range formats {
		var b bytes.Buffer
		if err := transcript.Write(&b, format, result); err != nil {
			return nil, fmt.Errorf("write the result as %s: %w", format, err)
		}
		out = append(out, watch.Content{Ext: transcript.Ext(format), Data: b.Bytes()})
	}
	return out, nil
}

// write writes the outputs. While that cannot be done it keeps the result for
// a while, then gives up the slot, for others: the work is done again when the
// outputs can be written.
func (f *folder) write(ctx context.Context, r *run, contents []watch.Content, ours []watch.Output) ([]watch.Output, error) {
	record := func(outs []watch.Output) error { return f.d.db.RecordOutputs(ctx, r.job.Token(), outputStrings(outs)) }
	size := 0
	for _, c := range contents {
		size += len(c.Data)
	}
	deadline := time.Now().Add(f.d.folders.tempo.hold)
	for pause := outputPause; ; pause *= 2 {
		err := f.tidy(ctx)
		var outs []watch.Output
		if err == nil {
			outs, err = f.finisher().Write(ctx, r.job.Source.Path, contents, ours, record)
		}
		if err == nil || !errors.Is(err, api.Unavailable) || ctx.Err() != nil {
			return outs, err
		}
		f.cannotWrite(size)
		if time.Now().After(deadline) {
			rest := outputPause // its queue rests as a whole
			if !f.probe() {
				rest = outputReturn // the folder goes on without it
			}
			return nil, &engine.Error{Code: api.JobInternal, Transient: true, RetryAfter: rest, Message: "its transcript cannot be written: " + err.Error()}
		}
		f.d.log.Warn("an output has to wait", "job", r.job.ID, "error", err, "again_in", pause)
		f.d.work.tell(r, r.last(), err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// finishLoop does what is recorded to be done with sources, until ctx ends.
// What cannot be done now is tried again.
func (fs *folders) finishLoop(ctx context.Context) {
	for {
		var again <-chan time.Time
		if fs.finishAll(ctx) {
			again = time.After(fs.tempo.finish)
		}
		select {
		case <-ctx.Done():
			return
		case <-fs.d.db.FinishesReady():
		case <-fs.d.db.FilesForgotten():
			for _, f := range fs.list() {
				f.watcher.Rescan()
			}
		case <-again:
		}
	}
}

// finishAll goes once through what is to be done, and reports whether some of
// it is left.
func (fs *folders) finishAll(ctx context.Context) (stuck bool) {
	late := map[string]*setback{} // by folder
	var after *store.Finish
	for more := true; more && ctx.Err() == nil; {
		fins, err := fs.d.db.PendingFinishes(ctx, after, finishChunk)
		if err != nil {
			fs.d.log.Error("read what is to be done with sources", "error", err)
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

func (fs *folders) finishOne(ctx context.Context, fin store.Finish) error {
	f := fs.get(fin.Folder)
	if f == nil {
		return nil // not watched now: it is done when it is watched again
	}
	if err := f.watcher.Absent(); err != nil {
		return err
	}
	if err := f.tidy(ctx); err != nil {
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
	return errors.Join(f.d.db.FinishDone(ctx, fin, res), fs.at("recorded"))
}

// intent turns what is recorded into what the finisher does. Where the record
// leaves it to us, the end of the job and the folder's options decide.
func (f *folder) intent(ctx context.Context, fin store.Finish) (watch.Intent, error) {
	in := watch.Intent{Path: fin.Path, Stat: statOf(fin.Stamp), SHA256: fin.SHA256, Action: fin.Action, To: fin.To}
	rec, err := f.d.db.File(ctx, fin.Folder, fin.Path)
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
	if rec.State != store.FileFailed {
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
	job, err := f.d.db.Job(ctx, fin.JobID)
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
