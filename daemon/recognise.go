package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/models"
)

// modelName is the model that a submission asks for.
func (d *Daemon) modelName(o api.Options) string {
	switch {
	case o.Model != "":
		return o.Model
	case d.cfg.Model != "":
		return d.cfg.Model
	}
	return models.Default
}

// checkModel refuses at submit what can never be recognised.
func (d *Daemon) checkModel(o api.Options) error {
	if err := d.checkSpeakers(o); err != nil {
		return err
	}
	name := d.modelName(o)
	if _, ok := d.cfg.Engines[name]; ok {
		return nil
	}
	entry, err := d.models.Lookup(name)
	switch {
	case errors.Is(err, api.NotFound):
		return api.Errorf(api.Invalid, "model: %v", err)
	case err != nil:
		return err
	case entry.Kind != "" && entry.Kind != models.KindSpeech:
		return api.Errorf(api.Invalid, "model: %s recognises no words", name)
	}
	if o.Language == "" || len(entry.Languages) == 0 {
		return nil
	}
	base, _, _ := strings.Cut(strings.ToLower(o.Language), "-")
	for _, l := range entry.Languages {
		if l, _, _ := strings.Cut(strings.ToLower(l), "-"); l == base {
			return nil
		}
	}
	return api.Errorf(api.Invalid, "language: the model %s recognises %s, not %q; choose another with model", name, strings.Join(entry.Languages, ", "), o.Language)
}

// recogniser returns what transcribes a job and the model for it. A model that
// is not here is fetched first, while the job waits in its slot.
func (w *work) recogniser(ctx context.Context, r *run) (engine.Transcriber, engine.Model, error) {
	name := w.d.modelName(r.job.Options)
	if e, ok := w.d.cfg.Engines[name]; ok {
		return w.configured(ctx, r, name, e)
	}
	entry, err := w.d.models.Lookup(name)
	if errors.Is(err, api.NotFound) {
		return nil, engine.Model{}, &engine.Error{Code: api.JobModelMissing, Message: err.Error()}
	}
	if err != nil {
		return nil, engine.Model{}, err
	}
	m := engine.Model{Name: entry.Name, Family: entry.Family, Params: maps.Clone(entry.Params)}
	if len(entry.Languages) == 1 {
		m.Language = entry.Languages[0]
	}
	if w.d.opts.Transcriber != nil {
		return w.scr, m, nil
	}
	m.Files, err = w.files(ctx, r, entry.Name)
	return w.scr, m, err
}

// configured returns the recogniser of an [engines.NAME] table.
func (w *work) configured(ctx context.Context, r *run, name string, e config.Engine) (engine.Transcriber, engine.Model, error) {
	if e.Type != "sherpa" {
		remote, err := w.remotes.get(name, e)
		return remote, engine.Model{Name: name}, err
	}
	files := maps.Clone(e.Files)
	if files[models.RoleVAD] == "" {
		shared, err := w.files(ctx, r, models.Default)
		if err != nil {
			return nil, engine.Model{}, err
		}
		files[models.RoleVAD] = shared[models.RoleVAD]
	}
	return w.scr, engine.Model{Name: name, Family: e.Family, Language: e.Language, Files: files, Params: e.Params}, nil
}

// files returns a model's files, fetching them first where they are missing.
func (w *work) files(ctx context.Context, r *run, name string) (map[string]string, error) {
	files, err := w.d.models.Files(name)
	if !errors.Is(err, api.Unavailable) {
		return files, err
	}
	err = w.fetch.wait(ctx, name, func(p models.Progress) {
		waiting, percent := "model "+name+" is missing: fetching", 0.0
		if p.Total > 0 {
			percent = 100 * float64(p.Done) / float64(p.Total)
			waiting = fmt.Sprintf("%s (%.0f%%)", waiting, percent)
		}
		w.tell(r, api.Progress{Stage: "model", Percent: percent}, waiting)
	})
	if err != nil {
		return nil, &engine.Error{Code: api.JobModelMissing, Transient: true, Message: fmt.Sprintf("the model %s cannot be fetched: %v", name, err)}
	}
	return w.d.models.Files(name)
}

// fetches are the models that are being fetched, each once for all who wait.
type fetches struct {
	models *models.Store
	mu     sync.Mutex
	active map[string]*fetch
	failed map[string]failedFetch
}

// failedFetch keeps a fetch from being tried for each of many waiting jobs.
type failedFetch struct {
	err   error
	until time.Time
}

// fetchRest is how long a model that could not be had is not asked for again.
const fetchRest = 20 * time.Second

type fetch struct {
	mu       sync.Mutex
	watchers map[int]func(models.Progress)
	next     int
	waiters  int
	cancel   context.CancelFunc
	done     chan struct{}
	err      error
}

func newFetches(m *models.Store) *fetches {
	return &fetches{models: m, active: map[string]*fetch{}, failed: map[string]failedFetch{}}
}

// wait returns when the model is here or cannot be had. The fetch goes on
// while anybody waits for it.
func (f *fetches) wait(ctx context.Context, name string, progress func(models.Progress)) error {
	job, err := f.join(ctx, name)
	if err != nil {
		return err
	}
	leave := job.watch(progress)
	defer func() {
		leave()
		f.leave(name, job)
	}()
	select {
	case <-job.done:
		return job.err
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
	if job := f.active[name]; job != nil {
		job.waiters++
		return job, nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	job := &fetch{watchers: map[int]func(models.Progress){}, waiters: 1, cancel: cancel, done: make(chan struct{})}
	f.active[name] = job
	go func() {
		defer close(job.done)
		defer cancel()
		job.err = f.models.Pull(ctx, name, job.tell)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.active, name)
		delete(f.failed, name)
		if job.err != nil && ctx.Err() == nil {
			f.failed[name] = failedFetch{job.err, time.Now().Add(fetchRest)}
		}
	}()
	return job, nil
}

// leave ends a fetch that nobody waits for any more, and waits for its end.
func (f *fetches) leave(name string, job *fetch) {
	f.mu.Lock()
	job.waiters--
	last := job.waiters == 0
	if last && f.active[name] == job {
		delete(f.active, name)
	}
	f.mu.Unlock()
	if last {
		job.cancel()
		<-job.done
	}
}

func (j *fetch) watch(fn func(models.Progress)) (leave func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := j.next
	j.next++
	j.watchers[id] = fn
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.watchers, id)
	}
}

func (j *fetch) tell(p models.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, fn := range j.watchers {
		fn(p)
	}
}

// problem says which models could not be had.
func (f *fetches) problems() []api.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Problem
	for _, name := range slices.Sorted(maps.Keys(f.failed)) {
		out = append(out, api.Problem{Code: api.JobModelMissing, Message: fmt.Sprintf("the model %s cannot be fetched: %v", name, f.failed[name].err),
			Cure: "voxparse models pull " + name})
	}
	return out
}
