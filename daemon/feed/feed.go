package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Kinds of an api.JobEvent.
const (
	Status   = "status"   // the job's status changed
	Progress = "progress" // the job got on
)

// PageSize is how many events are read from the log at a time.
const PageSize = 100

// Log is the event log that a feed follows.
type Log interface {
	EventsSince(ctx context.Context, seq uint64, limit int) ([]store.Event, error)
	LastEvent(ctx context.Context) (seq uint64, err error)
	EventsReady() <-chan struct{}
}

// Config is what a feed needs. All of it is required.
type Config struct {
	Log    Log
	Job    func(ctx context.Context, id string) (api.Job, error) // a job as the API shows it
	Logger *slog.Logger
}

// Feed tells subscribers about jobs. It keeps the latest state alone, so that
// a slow subscriber costs nothing and misses no more than steps in between.
type Feed struct {
	cfg       Config
	last      atomic.Uint64 // sequence number of the newest event that was told
	committed Broadcast     // after events were committed

	mu   sync.Mutex
	subs map[string]map[*Subscription]struct{} // by job id
}

// Open prepares a feed that begins after the last event of the log.
func Open(ctx context.Context, cfg Config) (*Feed, error) {
	f := &Feed{cfg: cfg, subs: map[string]map[*Subscription]struct{}{}}
	newest, err := cfg.Log.LastEvent(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the last event: %w", err)
	}
	f.last.Store(newest)
	return f, nil
}

// Run tells subscribers about every event that is committed, until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.cfg.Log.EventsReady():
		}
		f.readNew(ctx)
		f.committed.Notify()
	}
}

// readNew reads the log to its end.
func (f *Feed) readNew(ctx context.Context) {
	for {
		page, err := f.cfg.Log.EventsSince(ctx, f.last.Load(), PageSize)
		if err != nil {
			if ctx.Err() == nil {
				f.cfg.Logger.Error("read events", "error", err)
			}
			return
		}
		for _, e := range page {
			f.last.Store(e.Seq)
			f.publishStatus(ctx, e.JobID)
		}
		if len(page) < PageSize {
			return
		}
	}
}

// publishStatus publishes the status of a job that somebody waits for.
func (f *Feed) publishStatus(ctx context.Context, id string) {
	if id == "" || !f.Wanted(id) {
		return
	}
	job, err := f.cfg.Job(ctx, id)
	if err != nil {
		f.cfg.Logger.Error("read a job", "job", id, "error", err)
		return
	}
	f.Publish(Status, job)
}

// Last returns the sequence number of the newest event that was told.
func (f *Feed) Last() uint64 { return f.last.Load() }

// Committed returns a channel that is closed after the next commit of events.
func (f *Feed) Committed() <-chan struct{} { return f.committed.Wait() }

// Subscribe begins to wait for news of a job, which need not exist yet. The
// caller closes the subscription.
func (f *Feed) Subscribe(jobID string) *Subscription {
	s := &Subscription{feed: f, jobID: jobID, ready: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subs[jobID] == nil {
		f.subs[jobID] = map[*Subscription]struct{}{}
	}
	f.subs[jobID][s] = struct{}{}
	return s
}

// Wanted reports whether anybody waits for a job.
func (f *Feed) Wanted(jobID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs[jobID]) > 0
}

// Publish tells every subscriber of a job its new state; kind is Status or
// Progress. A change of status that a subscriber has not taken yet stays one
// when progress overtakes it.
func (f *Feed) Publish(kind string, job api.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs[job.ID] {
		s.put(kind, job)
	}
}
