package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

// reportEvery is how often listeners are told of progress.
const reportEvery = 200 * time.Millisecond

// run is a job that this runner holds the lease of.
type run struct {
	job    store.Job
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	progress api.Progress
	waiting  string
	reported time.Time
}

// Causes for which a run ends early.
var (
	errCancelled = errors.New("the job was cancelled")
	errLeaseLost = errors.New("the lease was lost")
)

func (x *run) state() (api.Progress, string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.progress, x.waiting
}

// run has a job transcribed and commits what came of it. stop is the context
// whose end means that the daemon stops.
func (r *Runner) run(ctx, stop context.Context, x *run) {
	result, err := r.transcribe(ctx, x)
	if err == nil {
		err = r.postprocess(ctx, x, result)
	}
	if err == nil {
		err = r.commit(ctx, x, result)
	}
	if err == nil {
		return
	}
	log := r.log.With("job", x.job.ID)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errCancelled), errors.Is(cause, errLeaseLost):
		log.Info("run interrupted", "reason", cause)
	case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
		log.Info("run was overtaken", "reason", err)
	case stop.Err() != nil:
		r.release(stop, x, time.Time{}, "")
	default:
		r.resolveError(ctx, x, err)
	}
}

// source is where the audio of a job comes from.
func (r *Runner) source(job store.Job) Source {
	if job.Source.Folder != "" {
		return r.cfg.Folders
	}
	return r.spool
}

// transcribe finds what the job needs and runs the engine on it.
func (r *Runner) transcribe(ctx context.Context, x *run) (*api.Result, error) {
	path, release, err := r.source(x.job).Open(ctx, x.job)
	if err != nil {
		return nil, err
	}
	defer release()
	transcriber, model, err := r.recognizer(ctx, x)
	if err != nil {
		return nil, err
	}
	req := engine.Request{JobID: x.job.ID, Path: path, Name: x.job.Source.Name, Options: x.job.Options, Attempt: x.job.Attempts, Generation: x.job.Generation}
	if req.Options.Language == "" {
		req.Options.Language = r.cfg.Defaults.Language
	}
	began := time.Now()
	turns, err := r.turns(ctx, x, req)
	if err != nil {
		return nil, err
	}
	req.Changes = engine.Changes(turns)
	result, err := transcriber.Transcribe(ctx, req, model, func(p api.Progress) { r.report(x, p, "") })
	if err != nil {
		return nil, err
	}
	r.cfg.Metrics.Transcribed(result.DurationSeconds, time.Since(began))
	result.JobID = x.job.ID
	if turns != nil {
		engine.NameSpeakers(result, turns)
	}
	return result, nil
}

// postprocess runs the steps that come after recognition.
func (r *Runner) postprocess(ctx context.Context, x *run, result *api.Result) error {
	r.report(x, api.Progress{Stage: "analyze", PositionSeconds: result.DurationSeconds, DurationSeconds: result.DurationSeconds, Percent: 100}, "")
	quiet, err := r.refine(ctx, x.job.Options, result)
	if err != nil || !x.job.Options.RedactAudio {
		return err
	}
	return r.silence(ctx, x, result.Track, quiet)
}

// publish tells listeners that a job's status changed. The run is over for
// them: its progress is no longer laid over the record.
func (r *Runner) publish(job store.Job) {
	if r.cfg.Feed.Wanted(job.ID) {
		r.cfg.Feed.Publish(feed.Status, r.View(job))
	}
}

// report notes how far a run has come, and tells listeners now and then.
func (r *Runner) report(x *run, p api.Progress, waiting string) {
	now := time.Now()
	x.mu.Lock()
	changed := p.Stage != x.progress.Stage || waiting != x.waiting
	x.progress, x.waiting = p, waiting
	due := changed || now.Sub(x.reported) >= reportEvery
	if due {
		x.reported = now
	}
	x.mu.Unlock()
	if due && r.cfg.Feed.Wanted(x.job.ID) {
		r.cfg.Feed.Publish(feed.Progress, r.View(x.job))
	}
}

// reportWaiting notes what a run waits for, wherever it is.
func (r *Runner) reportWaiting(x *run, waiting string) {
	p, _ := x.state()
	r.report(x, p, waiting)
}
