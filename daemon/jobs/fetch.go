package jobs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/models"
)

// fetches are the models that are being fetched, each once for all who wait.
type fetches struct {
	models *models.Store
	mu     sync.Mutex
	active map[string]*fetch
	failed map[string]failedFetch
	tasks  sync.WaitGroup // one task a fetch
}

// failedFetch keeps a fetch from being tried for each of many waiting jobs.
type failedFetch struct {
	err   error
	until time.Time
}

// fetchPause is how long a model that could not be had is not asked for again.
const fetchPause = 20 * time.Second

type fetch struct {
	mu       sync.Mutex
	watchers map[int]func(models.Progress)
	last     *models.Progress // what was reported last
	next     int
	waiters  int
	cancel   context.CancelFunc
	done     chan struct{}
	err      error
}

func newFetches(m *models.Store) *fetches {
	return &fetches{models: m, active: map[string]*fetch{}, failed: map[string]failedFetch{}}
}

// end returns when no fetch goes on any more. Nobody waits for a model then.
func (f *fetches) end() { f.tasks.Wait() }

// wait returns when the model is here or cannot be had. The fetch goes on
// while anybody waits for it.
func (f *fetches) wait(ctx context.Context, name string, progress func(models.Progress)) error {
	one, err := f.join(ctx, name)
	if err != nil {
		return err
	}
	leave := one.watch(progress)
	defer func() {
		leave()
		f.leave(name, one)
	}()
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join finds or begins the fetch of a model.
func (f *fetches) join(ctx context.Context, name string) (*fetch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.failed[name]; ok && time.Now().Before(old.until) {
		return nil, old.err
	}
	if one := f.active[name]; one != nil {
		one.waiters++
		return one, nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &fetch{watchers: map[int]func(models.Progress){}, waiters: 1, cancel: cancel, done: make(chan struct{})}
	f.active[name] = one
	f.tasks.Go(func() {
		defer close(one.done)
		defer cancel()
		one.err = f.models.Pull(ctx, name, one.report)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.active, name)
		delete(f.failed, name)
		if one.err != nil && ctx.Err() == nil {
			f.failed[name] = failedFetch{one.err, time.Now().Add(fetchPause)}
		}
	})
	return one, nil
}

// leave ends a fetch that nobody waits for any more, and waits for its end.
func (f *fetches) leave(name string, one *fetch) {
	f.mu.Lock()
	one.waiters--
	last := one.waiters == 0
	if last && f.active[name] == one {
		delete(f.active, name)
	}
	f.mu.Unlock()
	if last {
		one.cancel()
		<-one.done
	}
}

// watch has fn called with each report, and at once with the last one: it may be
// the only one for a long time.
func (one *fetch) watch(fn func(models.Progress)) (leave func()) {
	one.mu.Lock()
	defer one.mu.Unlock()
	id := one.next
	one.next++
	one.watchers[id] = fn
	if one.last != nil {
		fn(*one.last)
	}
	return func() {
		one.mu.Lock()
		defer one.mu.Unlock()
		delete(one.watchers, id)
	}
}

func (one *fetch) report(p models.Progress) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.last = &p
	for _, fn := range one.watchers {
		fn(p)
	}
}

// problems says which models could not be had.
func (f *fetches) problems() []api.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Problem
	for _, name := range slices.Sorted(maps.Keys(f.failed)) {
		out = append(out, api.Problem{Code: api.JobModelMissing, Message: fmt.Sprintf("the model %s cannot be fetched: %v", name, f.failed[name].err),
			Fix: "voxparse models pull " + name})
	}
	return out
}
