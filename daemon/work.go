package daemon

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/store"
)

// Leases of jobs.
const (
	jobLease    = time.Minute
	renewEvery  = jobLease / 3
	claimPause  = time.Second      // after a claim that failed, doubling
	claimRest   = 30 * time.Second // at most
	longestIdle = 5 * time.Minute  // a timer of last resort
)

// work turns queued jobs into results: it claims them, commands before
// folders and the folders in turn, has them transcribed, and commits what
// came of each.
type work struct {
	d     *Daemon
	pool  *engine.Pool // nil when a transcriber was given
	scr   engine.Transcriber
	slots int
	fetch *fetches

	remotes remotes

	mu    sync.Mutex
	jobs  map[string]*run
	free  chan struct{} // capacity 1: a slot or a folder became free
	last  string        // folder queue that was served last
	heart *heart
	tasks sync.WaitGroup
}

// run is a job that this daemon holds.
type run struct {
	job    store.Job
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	progress api.Progress
	waiting  string
	told     time.Time
}

// Causes for which a run ends early.
var (
	errCancelled = errors.New("the job was cancelled")
	errLeaseLost = errors.New("the lease was lost")
)

func (r *run) state() (api.Progress, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress, r.waiting
}

// loop claims jobs until claim ends, and returns when the last run has ended.
// The end of stop interrupts the runs, which hand their jobs back.
func (w *work) loop(claim, stop context.Context) {
	defer w.tasks.Wait()
	pause := time.Duration(0)
	for claim.Err() == nil {
		w.heart.beat()
		err := w.fill(claim, stop)
		switch {
		case err == nil:
			pause = 0
		case claim.Err() != nil:
			return
		default:
			pause = min(max(claimPause, 2*pause), claimRest)
			w.d.log.Error("claim jobs", "error", err, "again_in", pause)
		}
		w.sleep(claim, pause)
	}
}

// fill starts runs while there are free slots and jobs that are due.
func (w *work) fill(claim, stop context.Context) error {
	for {
		free := w.slots - w.count()
		if free <= 0 {
			return nil
		}
		w.heart.beat()
		jobs, err := w.next(claim, free)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, job := range jobs {
			w.begin(stop, job)
		}
	}
}

// next claims up to n jobs: commands together, or one of the folder whose turn
// it is.
func (w *work) next(ctx context.Context, n int) ([]store.Job, error) {
	jobs, err := w.d.db.Claim(ctx, store.QueueCommands, w.d.owner, jobLease, n)
	if err != nil || len(jobs) > 0 {
		return jobs, err
	}
	queues, _, err := w.queues(ctx)
	if err != nil {
		return nil, err
	}
	queues = slices.DeleteFunc(queues, func(q string) bool { return q == store.QueueCommands })
	at, _ := slices.BinarySearch(queues, w.last+"\x00") // the first after the last
	for i := range queues {
		q := queues[(at+i)%len(queues)]
		jobs, err := w.d.db.Claim(ctx, q, w.d.owner, jobLease, 1)
		if err != nil || len(jobs) > 0 {
			w.last = q
			return jobs, err
		}
	}
	return nil, nil
}

// queues returns the queues with jobs, those of folders that rest apart.
func (w *work) queues(ctx context.Context) (open, resting []string, err error) {
	all, err := w.d.db.Queues(ctx)
	for _, q := range all {
		if w.d.folders.resting(q) {
			resting = append(resting, q)
		} else {
			open = append(open, q)
		}
	}
	return open, resting, err
}

// sleep waits for something that may have made a job claimable: a commit, a
// free slot, or the time of the next one.
func (w *work) sleep(ctx context.Context, atLeast time.Duration) {
	idle := longestIdle
	if w.count() < w.slots {
		idle = w.untilNext(ctx)
	}
	ready := w.d.db.JobsReady()
	if atLeast > 0 {
		idle, ready = atLeast, nil
	}
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ready:
	case <-w.free:
	case <-w.heart.nudge:
	case <-timer.C:
	}
}

// untilNext is how long it is until a job may be claimed, as far as that is
// known.
func (w *work) untilNext(ctx context.Context) time.Duration {
	idle := longestIdle
	_, resting, err := w.queues(ctx)
	if err != nil {
		return idle // the next claim says it
	}
	if len(resting) > 0 {
		idle = restLook
	}
	if next, ok, err := w.d.db.NextJob(ctx, resting...); err == nil && ok {
		idle = min(idle, max(time.Until(next), time.Millisecond))
	}
	return idle
}

func (w *work) begin(stop context.Context, job store.Job) {
	ctx, cancel := context.WithCancelCause(stop)
	r := &run{job: job, cancel: cancel}
	w.mu.Lock()
	w.jobs[job.ID] = r
	w.mu.Unlock()
	w.d.hub.publish(eventStatus, w.d.viewJob(job))
	w.tasks.Go(func() {
		defer w.end(r)
		w.d.metrics.waited.Observe(time.Since(job.CreatedAt).Seconds())
		renewed := make(chan struct{})
		go func() {
			defer close(renewed)
			w.renew(ctx, r)
		}()
		w.perform(ctx, stop, r)
		cancel(nil)
		<-renewed
	})
}

func (w *work) end(r *run) {
	w.mu.Lock()
	delete(w.jobs, r.job.ID)
	w.mu.Unlock()
	w.wake()
}

// wake has the loop look for jobs.
func (w *work) wake() {
	select {
	case w.free <- struct{}{}:
	default:
	}
}

// renew keeps the lease of a run until ctx ends.
func (w *work) renew(ctx context.Context, r *run) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := w.d.db.Extend(ctx, r.job.Token(), jobLease)
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
			r.cancel(errLeaseLost)
			return
		default:
			w.d.log.Error("renew a lease", "job", r.job.ID, "error", err)
		}
	}
}

// cancel interrupts the run of a job that was cancelled.
func (w *work) cancel(jobID string) {
	if r := w.running(jobID); r != nil {
		r.cancel(errCancelled)
	}
}

// running returns the run of a job, nil when it does not run here.
func (w *work) running(jobID string) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs[jobID]
}

func (w *work) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.jobs)
}

// all returns the runs, in no order.
func (w *work) all() []*run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.jobs))
}

// slots is how many jobs run at a time.
func (d *Daemon) slots() int {
	if d.cfg.Workers > 0 {
		return d.cfg.Workers
	}
	return runtime.NumCPU()
}
