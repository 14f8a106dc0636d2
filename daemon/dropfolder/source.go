package dropfolder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/internal/transcript"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// Open opens the source of a folder's job for the engine. It is read by way
// of the open file, so that neither a link nor a newer file of its name can
// take its place. The caller calls release when the engine is done.
func (fs *Folders) Open(ctx context.Context, job store.Job) (name string, release func(), err error) {
	f := fs.get(job.Source.Folder)
	if f == nil {
		return "", nil, api.Errorf(api.Unavailable, "its folder is not watched at the moment")
	}
	rec, err := f.fs.cfg.Store.File(ctx, f.id, job.Source.Path)
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

// Complete writes the outputs of a folder's job, then commits its end.
func (fs *Folders) Complete(ctx context.Context, c jobs.Completion) (store.Job, error) {
	f := fs.get(c.Job.Source.Folder)
	if f == nil {
		return store.Job{}, api.Errorf(api.Unavailable, "its folder is not watched at the moment")
	}
	before, err := f.fs.cfg.Store.File(ctx, f.id, c.Job.Source.Path)
	if err != nil {
		return store.Job{}, err
	}
	contents, err := f.contents(c.Result)
	if err != nil {
		return store.Job{}, err
	}
	outs, err := f.write(ctx, c, contents, outputsOf(before))
	if err != nil {
		return store.Job{}, err
	}
	action, to := f.rules.Done(c.Job.Source.Path)
	for _, o := range outputsOf(before) {
		if watch.IsErrorFile(o.Path) { // of an earlier try: to be removed
			outs, action = append(outs, o), store.FinishDecide
		}
	}
	if err := fs.at("commit"); err != nil {
		return store.Job{}, err
	}
	var done store.Job
	err = c.Retry(ctx, func() (err error) {
		done, err = f.fs.cfg.Store.CompleteFile(ctx, c.Job.Token(), c.Stored, c.Event, store.Finish{Action: action, To: to, Outputs: outputStrings(outs)})
		return err
	})
	return done, errors.Join(err, fs.at("committed"))
}

// contents renders the result in the folder's formats.
func (f *folder) contents(result *api.Result) ([]watch.Content, error) {
	formats := f.record().Options.Formats
	if len(formats) == 0 {
		formats = []string{api.FormatText}
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
func (f *folder) write(ctx context.Context, c jobs.Completion, contents []watch.Content, ours []watch.Output) ([]watch.Output, error) {
	record := func(outs []watch.Output) error {
		return f.fs.cfg.Store.RecordOutputs(ctx, c.Job.Token(), outputStrings(outs))
	}
	size := 0
	for _, out := range contents {
		size += len(out.Data)
	}
	deadline := time.Now().Add(f.fs.cfg.Intervals.Keep)
	waits := retry.Backoff{First: outputPause, Most: f.fs.cfg.Intervals.Keep}.Start()
	for {
		err := f.cleanUp(ctx)
		var outs []watch.Output
		if err == nil {
			outs, err = f.finisher().Write(ctx, c.Job.Source.Path, contents, ours, record)
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
		pause := waits.Next()
		f.fs.cfg.Logger.Warn("an output has to wait", "job", c.Job.ID, "error", err, "again_in", pause)
		c.Report(err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
