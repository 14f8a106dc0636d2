package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Limits of one attempt whose timeout is not configured.
const (
	attemptBase   = 10 * time.Minute
	attemptFactor = 3               // times the length of the audio
	decodeStall   = 6 * time.Minute // a slow machine compiles the decoder first
	watchEvery    = time.Second
)

// stageVoices is the stage in which voices are told apart.
const stageVoices = "speakers"

// attempt is one file in one worker.
type attempt struct {
	place    *place
	proc     *process
	request  Request
	spec     taskSpec
	progress func(api.Progress)
	share    *share
	ordered  bool // the worker has the task
	began    time.Time
	last     api.Progress
	steps    uint64
	moved    time.Time // when steps last grew
	result   api.Result
	done     Report // the last of the task
}

// do does e with r in this place. On any end but a clean one the worker is gone
// when it returns.
func (pl *place) do(ctx context.Context, r Request, e taskSpec, progress func(api.Progress)) (*attempt, error) {
	pl.set(func() { pl.job = r.JobID })
	proc, err := pl.worker(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	a := &attempt{place: pl, proc: proc, request: r, spec: e, progress: progress, began: now, moved: now,
		steps: proc.steps.Load(), last: api.Progress{Stage: "model"}}
	if e.order == OrderSilence {
		a.last.Stage = "decode" // no model is loaded for it
	}
	a.result = api.Result{JobID: r.JobID, Model: e.model.Name, Segments: []api.Segment{}}
	a.share = pl.pool.shares.join(func(cores []int) { proc.send(Order{Type: OrderCores, Cores: cores}) })
	defer pl.pool.shares.leave(a.share)
	if a.done, err = a.follow(ctx); err != nil {
		return nil, err
	}
	if a.done.Type == ReportFailed {
		return nil, a.refused(a.done)
	}
	pl.set(func() { pl.inRow = 0 })
	return a, nil
}

// follow sends the task and takes reports until the task is finished.
func (a *attempt) follow(ctx context.Context) (Report, error) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	first := a.share.first
	for {
		select {
		case <-first:
			first = nil
			a.ordered = true
			a.proc.send(a.order())
		case r := <-a.proc.reports:
			if a.take(r) {
				return r, nil
			}
		case <-a.proc.dead:
			if r, ok := a.lastWords(); ok {
				return r, nil
			}
			a.place.drop(a.proc, "", true)
			return Report{}, a.crashed(api.JobEngineCrashed)
		case <-tick.C:
			if why, code := a.overdue(time.Now()); why != "" {
				a.place.drop(a.proc, why, true)
				return Report{}, a.crashed(code)
			}
		case <-ctx.Done():
			a.place.drop(a.proc, "cancelled", false)
			return Report{}, ctx.Err()
		case <-a.place.pool.quit.Done():
			a.place.drop(a.proc, "the engine is stopping", false)
			return Report{}, errStopping
		}
	}
}

// order is what the worker is told.
func (a *attempt) order() Order {
	cfg := a.place.pool.cfg
	r := a.request
	e := a.spec
	track := r.Options.Track
	if r.Track > 0 {
		track = strconv.Itoa(r.Track)
	}
	return Order{Type: e.order, Job: &Task{ID: key(r), Path: r.Path, Name: r.Name, Model: e.model, Language: r.Options.Language,
		Channels: r.Options.Channels, Track: track, AllowTruncated: r.Options.AllowTruncated, MaxSeconds: cfg.MaxSeconds, Pin: cfg.Pin, Changes: r.Changes, Silence: e.silence, Voices: e.voices}}
}

// take handles a report and says whether it was the last of the task.
func (a *attempt) take(r Report) bool {
	if r.Type == ReportCores {
		a.place.pool.shares.answer(a.share, r.Cores)
		return false
	}
	if r.Job != key(a.request) {
		return false
	}
	switch r.Type {
	case ReportProgress:
		a.last = *r.Progress
		if a.progress != nil {
			a.progress(*r.Progress)
		}
	case ReportSegment:
		a.result.Segments = append(a.result.Segments, *r.Segment)
		a.result.Words = append(a.result.Words, r.Words...)
	}
	return r.Type == ReportDone || r.Type == ReportFailed
}

// lastWords looks for the end of the task in what a dead worker still said.
func (a *attempt) lastWords() (Report, bool) {
	for {
		select {
		case r := <-a.proc.reports:
			if a.take(r) {
				return r, true
			}
		default:
			return Report{}, false
		}
	}
}

// overdue says why the worker is to be killed, if it is.
func (a *attempt) overdue(now time.Time) (why, code string) {
	cfg := a.place.pool.cfg
	if s := a.proc.steps.Load(); s != a.steps || !a.ordered {
		a.steps, a.moved = s, now
	}
	stall := cfg.Stall
	switch a.last.Stage {
	case "decode":
		stall = max(stall, decodeStall)
	case stageVoices:
		stall = max(stall, a.limit()) // one call, which cannot say how far it is
	}
	switch quiet := now.Sub(time.Unix(0, a.proc.beat.Load())); {
	case quiet > cfg.Heartbeat:
		return fmt.Sprintf("no heartbeat for %s", quiet.Round(time.Second)), api.JobEngineCrashed
	case now.Sub(a.moved) > stall:
		return fmt.Sprintf("it stood still for %s", stall), api.JobEngineCrashed
	case now.Sub(a.began) > a.limit():
		return fmt.Sprintf("over the time limit of %s", a.limit().Round(time.Second)), api.JobTimeout
	}
	if rss := memoryOf(a.proc.pid); rss > cfg.MaxRSS {
		return fmt.Sprintf("it took %d MB of memory, over the limit of %d MB", rss>>20, cfg.MaxRSS>>20), api.JobEngineCrashed
	}
	return "", ""
}

// limit is how long this attempt may take.
func (a *attempt) limit() time.Duration {
	if t := a.place.pool.cfg.AttemptTimeout; t > 0 {
		return t
	}
	audio := max(a.last.DurationSeconds, a.last.PositionSeconds)
	audio = min(audio, a.place.pool.cfg.MaxSeconds) // a header may claim anything
	return attemptBase + time.Duration(attemptFactor*audio*float64(time.Second))
}

// crashed is the error for a worker that is gone.
func (a *attempt) crashed(code string) error {
	if a.last.Stage == "model" && a.ordered {
		return &Error{Code: api.JobModelMissing, Transient: true, Message: fmt.Sprintf(
			"the model %s could not be loaded: %s; check it with: voxparse models verify %s", a.spec.model.Name, a.proc.reason(), a.spec.model.Name)}
	}
	return &Error{Code: code, Message: "the engine ended while it had this file: " + a.proc.reason(), Retry: true}
}

// refused is the error for a task that the worker gave up.
func (a *attempt) refused(r Report) error {
	if r.Code == api.JobEngineCrashed {
		return &Error{Code: r.Code, Message: r.Message, Retry: true}
	}
	return &Error{Code: r.Code, Message: r.Message, Transient: r.Transient}
}

// finished completes the result. The channels of a call come in the order in
// which their segments ended; a transcript is in the order of their starts.
func (a *attempt) finished() *api.Result {
	res, done := &a.result, a.done
	res.DurationSeconds, res.Language, res.LanguageConfidence = done.Duration, done.Language, done.LanguageConfidence
	res.Track, res.Truncated, res.Notices = done.Track, done.Truncated, done.Notices
	if done.OneVoice {
		for i := range res.Segments {
			res.Segments[i].Speaker = ""
		}
		for i := range res.Words {
			res.Words[i].Speaker = ""
		}
	}
	slices.SortStableFunc(res.Segments, func(x, y api.Segment) int { return cmp.Compare(x.Start, y.Start) })
	slices.SortStableFunc(res.Words, func(x, y api.Word) int { return cmp.Compare(x.Start, y.Start) })
	res.Text = res.JoinedText()
	if s := done.Stats; s != nil {
		a.place.pool.cfg.Logger.Debug("transcribed", "job", res.JobID, "audio_seconds", done.Duration, "wall_seconds", s.Wall,
			"segments", s.Segments, "repeats", s.Repeats)
	}
	return res
}
