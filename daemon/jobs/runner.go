package jobs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/daemon/heartbeat"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/store"
)

// Leases of jobs.
const (
	leaseTime   = time.Minute
	renewEvery  = leaseTime / 3
	longestIdle = 5 * time.Minute // a timer of last resort
	pausedLook  = 5 * time.Second // how often it is looked whether queues are still paused
)

// storeBackoff is how long to wait for a store that cannot be used.
var storeBackoff = retry.Backoff{First: time.Second, Most: 30 * time.Second}

// Reader reads jobs.
type Reader interface {
	Job(ctx context.Context, id string) (store.Job, error)
}

// Feed tells whoever waits for a job what happens to it.
type Feed interface {
	Wanted(jobID string) bool
	Publish(kind string, job api.Job)
}

// Metrics counts what the runner does.
type Metrics interface {
	JobBegun(waited time.Duration)
	JobEnded(status api.JobStatus)
	Transcribed(audioSeconds float64, took time.Duration)
}

// Config is what a Runner needs. All of it is required, but for Analysis and
// Transcriber.
type Config struct {
	Catalog
	Analysis config.Analysis
	Workers  WorkerConfig

	Queue   store.Queue
	Jobs    Reader
	Failed  <-chan struct{} // closed when the store has stopped for good
	Owner   string          // of the leases
	Blobs   store.BlobStore // the audio of commands
	Folders Source          // the audio of drop folders
	Copies  *Copies
	Feed    Feed
	Metrics Metrics
	Logger  *slog.Logger

	ResultURL func(jobID string) string // where the whole result of a job is

	// Transcriber takes the place of the worker processes, of all that they do
	// where it is a Pool. nil: they are used.
	Transcriber engine.Transcriber
}

// Runner claims jobs, has them transcribed, and commits what came of each.
// Commands come before drop folders, and the folders in turn; a folder that
// waits gets each fourth slot all the same.
type Runner struct {
	cfg     Config
	log     *slog.Logger
	spool   Source
	pool    Pool // nil when a transcriber was given that is none
	local   engine.Transcriber
	program string // of the workers; "" where a transcriber takes their place
	slots   int
	fetches *fetches
	remotes remotes

	free      chan struct{} // capacity 1: a slot or a folder became free
	last      string        // folder queue that was served last
	commands  int           // commands claimed since a folder had its turn
	heartbeat *heartbeat.Heartbeat
	tasks     sync.WaitGroup

	mu   sync.Mutex
	runs map[string]*run // by job id
}

// New returns a Runner. The caller runs Run and RunWorkers.
func New(cfg Config) (*Runner, error) {
	r := &Runner{
		cfg: cfg, log: cfg.Logger, spool: spoolSource{cfg.Blobs, cfg.Queue}, local: cfg.Transcriber, slots: cfg.Workers.Count,
		fetches: newFetches(cfg.Models), free: make(chan struct{}, 1), heartbeat: heartbeat.New("claim jobs"), runs: map[string]*run{},
	}
	if r.slots <= 0 {
		r.slots = runtime.NumCPU()
	}
	if r.local == nil {
		engineConfig, err := r.engineConfig()
		if err != nil {
			return nil, err
		}
		r.local = engine.NewPool(engineConfig)
	}
	r.pool, _ = r.local.(Pool)
	return r, nil
}

// Run claims jobs until claim ends, and returns when the last of them has ended.
// The end of stop interrupts those that run; they are released, uncharged.
func (r *Runner) Run(claim, stop context.Context) {
	defer func() {
		r.tasks.Wait()
		r.fetches.end()
	}()
	waits := storeBackoff.Start()
	for claim.Err() == nil {
		r.heartbeat.Tick()
		err := r.fill(claim, stop)
		if err == nil {
			err = r.sleep(claim, stop)
		}
		switch {
		case err == nil:
			waits.Reset()
		case claim.Err() == nil:
			pause := waits.Next()
			r.log.Error("claim jobs", "error", err, "again_in", pause)
			r.heartbeat.Wait(claim, pause, r.free, nil, nil)
		}
	}
}

// Check returns an error when the loop of Run makes no turn before ctx ends.
func (r *Runner) Check(ctx context.Context) error { return r.heartbeat.Check(ctx) }

// fill starts runs while there are free slots and jobs that are due.
func (r *Runner) fill(claim, stop context.Context) error {
	drain(r.cfg.Queue.JobsReady()) // what it told of is claimed now
	for {
		free := r.slots - r.Count()
		if free <= 0 {
			return nil
		}
		r.heartbeat.Tick()
		claimed, err := r.claim(claim, free)
		if err != nil || len(claimed) == 0 {
			return err
		}
		for _, job := range claimed {
			r.begin(stop, job)
		}
	}
}

// folderTurn is every how manyth slot goes to a drop folder with jobs that wait,
// however many commands there are.
const folderTurn = 4

// claim claims up to n jobs: commands together, or one of the folder whose turn
// it is. Commands come first, but for each fourth slot.
func (r *Runner) claim(ctx context.Context, n int) ([]store.Job, error) {
	if r.commands >= folderTurn-1 {
		r.commands = 0
		if claimed, err := r.claimFolder(ctx); err != nil || len(claimed) > 0 {
			return claimed, err
		}
	}
	if most := folderTurn - 1 - r.commands; n > most {
		folders, err := r.folderQueues(ctx)
		if err != nil {
			return nil, err
		}
		if len(folders) > 0 {
			n = most
		}
	}
	claimed, err := r.cfg.Queue.Claim(ctx, store.QueueCommands, r.cfg.Owner, leaseTime, n)
	if err != nil || len(claimed) > 0 {
		r.commands += len(claimed)
		return claimed, err
	}
	return r.claimFolder(ctx)
}

// claimFolder claims one job of the folder whose turn it is.
func (r *Runner) claimFolder(ctx context.Context) ([]store.Job, error) {
	queues, err := r.folderQueues(ctx)
	if err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearch(queues, r.last+"\x00") // the first after the last
	for i := range queues {
		q := queues[(at+i)%len(queues)]
		claimed, err := r.cfg.Queue.Claim(ctx, q, r.cfg.Owner, leaseTime, 1)
		if err != nil || len(claimed) > 0 {
			r.last, r.commands = q, 0
			return claimed, err
		}
	}
	return nil, nil
}

// folderQueues returns the queues of drop folders that have jobs and are not
// paused.
func (r *Runner) folderQueues(ctx context.Context) ([]string, error) {
	open, _, err := r.queues(ctx)
	return slices.DeleteFunc(open, func(q string) bool { return q == store.QueueCommands }), err
}

// queues returns the queues with jobs, those that are paused apart.
func (r *Runner) queues(ctx context.Context) (open, paused []string, err error) {
	all, err := r.cfg.Queue.Queues(ctx)
	for _, q := range all {
		if r.cfg.Folders.Paused(q) {
			paused = append(paused, q)
		} else {
			open = append(open, q)
		}
	}
	return open, paused, err
}

// sleep waits for something that may have made a job claimable: a commit, a
// free slot, or the time of the next one. Meanwhile the store claims the first
// commands that come in the commit that accepts them.
func (r *Runner) sleep(claim, stop context.Context) error {
	free := r.slots - r.Count()
	if free <= 0 {
		r.heartbeat.Wait(claim, longestIdle, r.free, nil, nil)
		return nil
	}
	waiting, cancel := context.WithCancel(claim)
	defer cancel()
	var jobs []store.Job
	var err error
	claimed := make(chan struct{})
	n := min(free, max(folderTurn-1-r.commands, 1)) // a folder may have the next turn
	go func() {
		defer close(claimed)
		jobs, err = r.cfg.Queue.AwaitJobs(waiting, store.QueueCommands, r.cfg.Owner, leaseTime, n)
	}()
	wait := func(claimed <-chan struct{}) {
		r.heartbeat.Wait(claim, r.untilNext(claim), r.cfg.Queue.JobsReady(), r.free, claimed)
	}
	wait(claimed)
	early := retry.Closed(claimed)
	cancel()
	<-claimed
	if early && len(jobs) == 0 && err == nil && claim.Err() == nil {
		wait(nil) // a store need not wait
	}
	r.commands += len(jobs)
	for _, job := range jobs {
		r.begin(stop, job)
	}
	return err
}

// untilNext is how long it is until a job may be claimed, as far as that is
// known.
func (r *Runner) untilNext(ctx context.Context) time.Duration {
	idle := longestIdle
	_, paused, err := r.queues(ctx)
	if err != nil {
		return idle // the next claim says it
	}
	if len(paused) > 0 {
		idle = pausedLook
	}
	if next, ok, err := r.cfg.Queue.NextJob(ctx, paused...); err == nil && ok {
		idle = min(idle, max(time.Until(next), time.Millisecond))
	}
	return idle
}

// drain takes a value out of a channel of capacity 1.
func drain(c <-chan struct{}) {
	select {
	case <-c:
	default:
	}
}

func (r *Runner) begin(stop context.Context, job store.Job) {
	ctx, cancel := context.WithCancelCause(stop)
	x := &run{job: job, cancel: cancel}
	r.mu.Lock()
	r.runs[job.ID] = x
	r.mu.Unlock()
	r.cfg.Feed.Publish(feed.Status, r.View(job))
	r.tasks.Go(func() {
		defer r.end(x)
		r.cfg.Metrics.JobBegun(time.Since(job.CreatedAt))
		renewed := make(chan struct{})
		go func() {
			defer close(renewed)
			r.renew(ctx, x)
		}()
		r.run(ctx, stop, x)
		cancel(nil)
		<-renewed
	})
}

func (r *Runner) end(x *run) {
	r.mu.Lock()
	delete(r.runs, x.job.ID)
	r.mu.Unlock()
	r.Wake()
}

// Wake has the runner look for jobs: a queue is no longer paused.
func (r *Runner) Wake() {
	select {
	case r.free <- struct{}{}:
	default:
	}
}

// renew keeps the lease of a run until ctx ends, and records its progress.
func (r *Runner) renew(ctx context.Context, x *run) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		progress, _ := x.state()
		err := r.cfg.Queue.Extend(ctx, x.job.Token(), leaseTime, progress)
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
			x.cancel(errLeaseLost)
			return
		default:
			r.log.Error("renew a lease", "job", x.job.ID, "error", err)
		}
	}
}

// Cancel interrupts the run of a job that was cancelled.
func (r *Runner) Cancel(jobID string) {
	if x := r.running(jobID); x != nil {
		x.cancel(errCancelled)
	}
}

// Recheck interrupts the runs of jobs that were cancelled in the store, as those
// of files that were replaced meanwhile.
func (r *Runner) Recheck(ctx context.Context) {
	r.mu.Lock()
	ids := slices.Collect(maps.Keys(r.runs))
	r.mu.Unlock()
	for _, id := range ids {
		job, err := r.cfg.Jobs.Job(ctx, id)
		switch {
		case errors.Is(err, api.NotFound):
			r.Cancel(id)
		case err != nil: // the renewal of its lease will find out
		case job.Status == api.Cancelled:
			r.Cancel(id)
			r.cfg.Feed.Publish(feed.Status, r.View(job))
		}
	}
}

// running returns the run of a job, nil when it does not run here.
func (r *Runner) running(jobID string) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[jobID]
}

// Count returns how many jobs run now.
func (r *Runner) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.runs)
}

// Running returns the jobs that run now as the API shows them, in no order.
func (r *Runner) Running() []api.Job {
	r.mu.Lock()
	runs := slices.Collect(maps.Values(r.runs))
	r.mu.Unlock()
	views := make([]api.Job, 0, len(runs))
	for _, x := range runs {
		views = append(views, r.View(x.job))
	}
	return views
}
