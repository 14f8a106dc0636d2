package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/store"
)

// releaseTime is for the commit that releases a job at a stop.
const releaseTime = 5 * time.Second

// resolveError commits the end of a run that did not succeed: the job is
// released, tried again later, or failed for good.
func (r *Runner) resolveError(ctx context.Context, x *run, err error) {
	c := classify(err)
	switch {
	case c.transient:
		r.log.Warn("job has to wait", "job", x.job.ID, "reason", err)
		r.release(ctx, x, time.Now().Add(c.wait()), c.why.Message)
	case c.retry && x.job.Attempts < x.job.MaxAttempts:
		wait := c.backoff(x.job.Attempts)
		r.log.Warn("attempt failed", "job", x.job.ID, "attempt", x.job.Attempts, "code", c.why.Code, "reason", err, "again_in", wait)
		r.fail(ctx, x, c.why, time.Now().Add(wait), store.Event{})
	default:
		event, everr := FailedEvent(x.job, c.why, time.Now())
		if everr != nil {
			r.log.Error("make the event of a failed job", "job", x.job.ID, "error", everr)
			r.release(ctx, x, time.Now().Add(c.wait()), "its event cannot be made: "+everr.Error())
			return
		}
		r.log.Info("job failed", "job", x.job.ID, "code", c.why.Code)
		r.cfg.Metrics.JobEnded(api.Failed)
		r.fail(ctx, x, c.why, time.Time{}, event)
	}
}

// commit records the result with its event. While the disk is full it keeps the
// result and the slot, and tries again: nothing is gained by starting another
// job then.
func (r *Runner) commit(ctx context.Context, x *run, result *api.Result) error {
	stored, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	event, err := completedEvent(x.job, result, r.cfg.ResultURL(x.job.ID))
	if err != nil {
		return err
	}
	done, err := r.source(x.job).Complete(ctx, Completion{
		Job: x.job, Result: result, Stored: stored, Event: event,
		Retry:  func(ctx context.Context, commit func() error) error { return r.retryCommit(ctx, x, "complete", commit) },
		Report: func(waiting string) { r.reportWaiting(x, waiting) },
	})
	if err != nil {
		return err
	}
	r.cfg.Metrics.JobEnded(api.Completed)
	r.log.Info("job completed", "job", x.job.ID, "audio_seconds", result.DurationSeconds, "took", time.Since(x.job.CreatedAt).Round(time.Millisecond))
	r.RemoveAudio(x.job.Blob)
	r.publish(done)
	return nil
}

// RemoveAudio removes audio of commands that no job needs any more; "" names
// none. What cannot be removed now is collected later.
func (r *Runner) RemoveAudio(name string) {
	if name == "" {
		return
	}
	if err := r.cfg.Blobs.Remove(name); err != nil {
		r.log.Warn("remove audio", "blob", name, "error", err)
	}
}

// retryCommit repeats a commit that did not happen.
func (r *Runner) retryCommit(ctx context.Context, x *run, verb string, commit func() error) error {
	for waits := storeBackoff.Start(); ; {
		err := commit()
		if !errors.Is(err, api.Unavailable) || ctx.Err() != nil || r.storeFailed() {
			return err
		}
		wait := waits.Next()
		r.log.Error("commit has to wait", "job", x.job.ID, "verb", verb, "error", err, "again_in", wait)
		r.reportWaiting(x, err.Error())
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.cfg.Failed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (r *Runner) storeFailed() bool {
	select {
	case <-r.cfg.Failed:
		return true
	default:
		return false
	}
}

// release gives up the lease of a job, uncharged. It works at a stop too.
func (r *Runner) release(ctx context.Context, x *run, due time.Time, waiting string) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
	}
	err := r.cfg.Queue.Release(ctx, x.job.Token(), due, waiting)
	switch {
	case err == nil:
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
		return
	default:
		r.log.Error("release a job", "job", x.job.ID, "error", err) // its lease runs out by itself
		return
	}
	if job, err := r.cfg.Jobs.Job(ctx, x.job.ID); err == nil {
		r.publish(job)
	}
}

func (r *Runner) fail(ctx context.Context, x *run, why store.JobError, retryAt time.Time, event store.Event) {
	var job store.Job
	err := r.retryCommit(ctx, x, "fail", func() (err error) {
		job, err = r.cfg.Queue.Fail(ctx, x.job.Token(), why, retryAt, event)
		return err
	})
	switch {
	case err == nil:
		if job.Blob == "" {
			r.RemoveAudio(x.job.Blob)
		}
		r.publish(job)
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
	default:
		r.log.Error("record a failure", "job", x.job.ID, "error", err)
	}
}

// eventMeta is what an event of a job says about itself.
func eventMeta(job store.Job, typ string, at time.Time) eventbody.Meta {
	return eventbody.Meta{ID: store.EventID(job.ID, job.Generation, typ), CreatedAt: at.UTC(), JobID: job.ID, Source: shownSource(job), Metadata: job.Metadata}
}

func completedEvent(job store.Job, result *api.Result, resultURL string) (store.Event, error) {
	meta := eventMeta(job, api.EventCompleted, time.Now())
	body, err := eventbody.Completed(meta, result, resultURL)
	if err != nil {
		return store.Event{}, err
	}
	return store.Event{ID: meta.ID, Type: api.EventCompleted, JobID: job.ID, CreatedAt: meta.CreatedAt, Body: body}, nil
}

// FailedEvent makes the event of a job that failed at a time.
func FailedEvent(job store.Job, why store.JobError, at time.Time) (store.Event, error) {
	meta := eventMeta(job, api.EventFailed, at)
	body, err := eventbody.Failed(meta, why.Code, why.Message)
	if err != nil {
		return store.Event{}, err
	}
	return store.Event{ID: meta.ID, Type: api.EventFailed, JobID: job.ID, CreatedAt: meta.CreatedAt, Body: body}, nil
}
