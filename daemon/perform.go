package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// Waits between attempts and for what is missing.
const (
	retryFirst   = 2 * time.Second // after an attempt that failed by no fault of the file, doubling
	remoteFirst  = time.Minute     // the same, where another machine failed
	remoteMost   = 30 * time.Minute
	transientGap = 30 * time.Second // before a job that could not run is looked at again
	commitPause  = time.Second      // before a commit for which there was no space is tried again
	commitRest   = 30 * time.Second
	tellEvery    = 200 * time.Millisecond // of progress to listeners
	handBackTime = 5 * time.Second        // for the commit that gives a job back at a stop
)

// perform has a job transcribed and commits what came of it. stop is the
// context whose end means that the daemon stops.
func (w *work) perform(ctx, stop context.Context, r *run) {
	result, err := w.transcribe(ctx, r)
	if err == nil {
		err = w.finish(ctx, r, result)
	}
	if err == nil {
		err = w.complete(ctx, r, result)
	}
	if err == nil {
		return
	}
	log := w.d.log.With("job", r.job.ID)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errCancelled), errors.Is(cause, errLeaseLost):
		log.Info("run interrupted", "reason", cause)
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound) && isGone(err):
		log.Info("run was overtaken", "reason", err)
	case stop.Err() != nil:
		w.handBack(stop, r, time.Time{}, "")
	default:
		w.settle(ctx, r, err)
	}
}

// settle commits a run that did not succeed: handed back, tried again later,
// or failed for good.
func (w *work) settle(ctx context.Context, r *run, err error) {
	v := judge(err)
	why := v.why
	switch {
	case v.transient:
		w.d.log.Warn("job has to wait", "job", r.job.ID, "reason", err)
		w.handBack(ctx, r, time.Now().Add(v.wait()), why.Message)
	case v.retry && r.job.Attempts < r.job.MaxAttempts:
		pause := max(v.pause, v.backOff(r.job.Attempts))
		w.d.log.Warn("attempt failed", "job", r.job.ID, "attempt", r.job.Attempts, "code", why.Code, "reason", err, "again_in", pause)
		w.fail(ctx, r, why, time.Now().Add(pause), store.Event{})
	default:
		ev, everr := w.d.failEvent(r.job, why)
		if everr != nil {
			w.d.log.Error("make the event of a failed job", "job", r.job.ID, "error", everr)
			w.handBack(ctx, r, time.Now().Add(transientGap), "its event cannot be made: "+everr.Error())
			return
		}
		w.d.log.Info("job failed", "job", r.job.ID, "code", why.Code)
		w.d.metrics.ended.WithLabelValues(string(api.Failed)).Inc()
		w.fail(ctx, r, why, time.Time{}, ev)
	}
}

// verdict is what an error means for a job.
type verdict struct {
	why       store.JobError // in words for the job's owner
	transient bool           // the same job may succeed later, and is not charged
	retry     bool           // another attempt may end otherwise
	pause     time.Duration  // the least time before that
}

// wait is how long a job that was handed back rests.
func (v verdict) wait() time.Duration {
	if v.pause > 0 {
		return v.pause
	}
	return transientGap
}

// backOff is the pause after an attempt that failed.
func (v verdict) backOff(attempt int) time.Duration {
	if v.why.Code == api.JobRemote {
		return min(remoteFirst<<min(attempt-1, 10), remoteMost)
	}
	return retryFirst << (attempt - 1)
}

func judge(err error) verdict {
	var e *engine.Error
	if errors.As(err, &e) {
		return verdict{store.JobError{Code: e.Code, Message: e.Message}, e.Transient, e.Retry, e.RetryAfter}
	}
	why := store.JobError{Code: api.JobInternal, Message: "the work on this file failed inside voxparse; see: voxparse daemon logs"}
	if errors.Is(err, api.Unavailable) {
		why.Message = err.Error()
		return verdict{why: why, transient: true}
	}
	return verdict{why: why, retry: true}
}

// transcribe finds what the job needs and runs the engine on it.
func (w *work) transcribe(ctx context.Context, r *run) (*api.Result, error) {
	path, release, err := w.audio(r.job)
	if err != nil {
		return nil, err
	}
	defer release()
	scr, model, err := w.recogniser(ctx, r)
	if err != nil {
		return nil, err
	}
	req := engine.Request{JobID: r.job.ID, Path: path, Name: r.job.Source.Name, Options: r.job.Options, Attempt: r.job.Attempts, Generation: r.job.Generation}
	if req.Options.Language == "" {
		req.Options.Language = w.d.cfg.Language
	}
	began := time.Now()
	turns, err := w.turns(ctx, r, req)
	if err != nil {
		return nil, err
	}
	req.Changes = engine.Changes(turns)
	result, err := scr.Transcribe(ctx, req, model, func(p api.Progress) { w.tell(r, p, "") })
	if err != nil {
		return nil, err
	}
	w.d.metrics.transcribed(result.DurationSeconds, time.Since(began))
	result.JobID = r.job.ID
	if turns != nil {
		engine.NameSpeakers(result, turns)
	}
	return result, nil
}

// audio returns the path of a job's audio, in the spool or in its folder. The
// caller calls release when it is no longer read.
func (w *work) audio(job store.Job) (path string, release func(), err error) {
	if job.Source.Folder != "" {
		return w.d.folders.audioOf(job)
	}
	f, err := w.d.blobs.Open(job.Blob)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, api.NotFound) {
		return "", nil, &engine.Error{Code: api.JobInternal, Message: "the audio of this job is no longer in the spool; submit the file again"}
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("open the audio: %w", err)
	}
	return w.d.blobs.Path(job.Blob), func() {}, nil
}

// finish runs the steps that come after recognition.
func (w *work) finish(ctx context.Context, r *run, result *api.Result) error {
	w.tell(r, api.Progress{Stage: "analyse", PositionSeconds: result.DurationSeconds, DurationSeconds: result.DurationSeconds, Percent: 100}, "")
	quiet, err := w.d.refine(ctx, &r.job, result)
	if err != nil || !r.job.Options.RedactAudio {
		return err
	}
	return w.silence(ctx, r, quiet)
}

// complete commits the result with its event. While the disk is full it keeps
// the result and the slot, and tries again: nothing is gained by starting
// another job then.
func (w *work) complete(ctx context.Context, r *run, result *api.Result) error {
	stored, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	meta := w.d.meta(r.job, api.EventCompleted)
	body, err := webhook.CompletedBody(meta, result, w.d.resultURL(r.job.ID))
	if err != nil {
		return err
	}
	ev := store.Event{ID: meta.ID, Type: api.EventCompleted, JobID: r.job.ID, CreatedAt: meta.CreatedAt, Body: body}
	done, err := w.commit(ctx, r, result, stored, ev)
	if err != nil {
		return err
	}
	w.d.metrics.ended.WithLabelValues(string(api.Completed)).Inc()
	w.d.log.Info("job completed", "job", r.job.ID, "audio_seconds", result.DurationSeconds, "took", time.Since(r.job.CreatedAt).Round(time.Millisecond))
	w.d.dropBlob(r.job.Blob)
	w.publish(r, done)
	return nil
}

// commit records the end of a job; where it is a folder's, its outputs are
// written first.
func (w *work) commit(ctx context.Context, r *run, result *api.Result, stored []byte, ev store.Event) (done store.Job, err error) {
	if r.job.Source.Folder != "" {
		return w.d.folders.complete(ctx, r, result, stored, ev)
	}
	err = w.insist(ctx, r, "complete", func() (err error) {
		done, err = w.d.db.Complete(ctx, r.job.Token(), stored, ev)
		return err
	})
	return done, err
}

// insist repeats a commit that did not happen.
func (w *work) insist(ctx context.Context, r *run, verb string, commit func() error) error {
	for pause := commitPause; ; pause = min(2*pause, commitRest) {
		err := commit()
		if !errors.Is(err, api.Unavailable) || ctx.Err() != nil || w.d.failed() {
			return err
		}
		w.d.log.Error("commit has to wait", "job", r.job.ID, "verb", verb, "error", err, "again_in", pause)
		w.tell(r, r.last(), err.Error())
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-w.d.db.Failed():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// handBack releases a job, uncharged. It works at a stop too.
func (w *work) handBack(ctx context.Context, r *run, due time.Time, waiting string) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), handBackTime)
		defer cancel()
	}
	err := w.d.db.Release(ctx, r.job.Token(), due, waiting)
	switch {
	case err == nil:
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
		return
	default:
		w.d.log.Error("hand a job back", "job", r.job.ID, "error", err) // its lease runs out by itself
		return
	}
	if job, err := w.d.db.Job(ctx, r.job.ID); err == nil {
		w.publish(r, job)
	}
}

func (w *work) fail(ctx context.Context, r *run, why store.JobError, retryAt time.Time, ev store.Event) {
	var job store.Job
	err := w.insist(ctx, r, "fail", func() (err error) {
		job, err = w.d.db.Fail(ctx, r.job.Token(), why, retryAt, ev)
		return err
	})
	switch {
	case err == nil:
		w.publish(r, job)
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
	default:
		w.d.log.Error("record a failure", "job", r.job.ID, "error", err)
	}
}

// publish tells listeners that a job's status changed. The run is over for
// them: its progress is no longer laid over the record.
func (w *work) publish(r *run, job store.Job) {
	if w.d.hub.wanted(r.job.ID) {
		w.d.hub.publish(eventStatus, w.d.viewJob(job))
	}
}

// tell notes how far a run has come, and tells listeners now and then.
func (w *work) tell(r *run, p api.Progress, waiting string) {
	now := time.Now()
	r.mu.Lock()
	changed := p.Stage != r.progress.Stage || waiting != r.waiting
	r.progress, r.waiting = p, waiting
	due := changed || now.Sub(r.told) >= tellEvery
	if due {
		r.told = now
	}
	r.mu.Unlock()
	if due && w.d.hub.wanted(r.job.ID) {
		w.d.hub.publish(eventProgress, w.d.viewJob(r.job))
	}
}

func (r *run) last() api.Progress {
	p, _ := r.state()
	return p
}

// meta is what an event of a job says about itself.
func (d *Daemon) meta(job store.Job, typ string) webhook.EventMeta {
	return webhook.EventMeta{ID: store.EventID(job.ID, job.Generation, typ), CreatedAt: time.Now().UTC(), JobID: job.ID, Metadata: job.Metadata}
}

// failEvent makes the event of a job that has failed.
func (d *Daemon) failEvent(job store.Job, why store.JobError) (store.Event, error) {
	meta := d.meta(job, api.EventFailed)
	body, err := webhook.FailedBody(meta, why.Code, why.Message)
	if err != nil {
		return store.Event{}, err
	}
	return store.Event{ID: meta.ID, Type: api.EventFailed, JobID: job.ID, CreatedAt: meta.CreatedAt, Body: body}, nil
}

// exhausted makes the event of a job that the store fails because its attempts
// are used up.
func (d *Daemon) exhausted(job store.Job) (store.Event, error) { return d.failEvent(job, job.Error) }
