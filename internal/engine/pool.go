package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Transcriber turns one file into a transcript: the pool of local workers, or
// a remote engine. An error that is the file's or the engine's is an *Error;
// the cause of a cancelled context is returned as it is.
type Transcriber interface {
	Transcribe(ctx context.Context, r Request, m Model, progress func(api.Progress)) (*api.Result, error)
}

// Config says how a pool runs its workers. Only Command is needed.
type Config struct {
	Command        []string      // the worker program and its arguments; see Find
	Workers        int           // files at once; 0: one for each core
	Cores          int           // recognizers at once, over all workers; 0: every core of the machine
	Pin            bool          // bind each recognizer to a core of its own
	Dir            string        // working folder of the workers; "": the system's folder for temporary files
	CacheDir       string        // where the compiled decoder is kept; "": the worker's default
	Logger         *slog.Logger  // nil: slog.Default
	MaxRSS         int64         // bytes that a worker and its decoder may have; 0: 2 GiB
	Heartbeat      time.Duration // without a beat for so long, a worker is killed; 0: 20 s
	Stall          time.Duration // without a step in a task for so long, a worker is killed; 0: 2 min
	AttemptTimeout time.Duration // for one file; 0: 10 min and three times its length
	IdleAfter      time.Duration // a worker without work ends after this; 0: 3 min
	MaxKills       int           // a file that ended so many workers is set aside; 0: 3
	MaxSeconds     float64       // longest audio; 0: 12 h
}

// filled returns c with its defaults in place of zeros.
func (c Config) filled() Config {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	set(&c.Heartbeat, 20*time.Second)
	set(&c.Stall, 2*time.Minute)
	set(&c.IdleAfter, 3*time.Minute)
	if c.Cores <= 0 {
		c.Cores = runtime.NumCPU()
	}
	if c.Workers <= 0 || c.Workers > c.Cores {
		c.Workers = c.Cores
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.MaxRSS == 0 {
		c.MaxRSS = 2 << 30
	}
	if c.MaxKills == 0 {
		c.MaxKills = 3
	}
	if c.MaxSeconds == 0 {
		c.MaxSeconds = 12 * 3600
	}
	if c.Dir == "" {
		c.Dir = os.TempDir()
	}
	return c
}

// Pool runs workers and hands files to them. Make one with NewPool; it is safe
// for concurrent use.
type Pool struct {
	cfg     Config
	slots   chan struct{} // one for each file at once
	shares  *shares
	started chan struct{} // closed by Run

	mu     sync.Mutex
	places []*place
	kills  map[string]int // job → workers that it ended
	quit   context.Context
	busy   sync.WaitGroup // of calls and processes
	ended  bool
}

// errStopping is why nothing is transcribed any more.
var errStopping = &Error{Code: api.JobInternal, Message: "the engine is stopping", Transient: true}

// NewPool returns a pool that starts its first worker when it has work.
func NewPool(cfg Config) *Pool {
	cfg = cfg.filled()
	p := &Pool{cfg: cfg, slots: make(chan struct{}, cfg.Workers), shares: newShares(coresOf(cfg.Cores)),
		started: make(chan struct{}), kills: map[string]int{}}
	for range cfg.Workers {
		p.places = append(p.places, &place{pool: p})
	}
	return p
}

// Run owns the workers until ctx ends; then it ends them and waits until none
// is left. Call it once. Transcribe waits for it.
func (p *Pool) Run(ctx context.Context) error {
	p.mu.Lock()
	p.quit = ctx
	p.mu.Unlock()
	close(p.started)
	p.busy.Go(func() { p.warm(ctx) })
	<-ctx.Done()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	for _, pl := range p.places {
		pl.retire()
	}
	p.busy.Wait()
	return nil
}

// Transcribe has a worker transcribe r with m. It waits for a free worker and
// calls progress, from this goroutine, as the work goes on. What it returns
// besides a result:
//
//   - *Error with neither Transient nor Retry: the file's own fault, or a file
//     that ended MaxKills workers. Final: no attempt will do better.
//   - *Error with Retry: a worker died under the file, hung, or outgrew its
//     limits. Try again, and charge an attempt.
//   - *Error with Transient: no fault of the file (the worker program or the
//     model is missing, the pool is stopping). Try again later; charge nothing.
//   - ctx's error: cancelled; the worker was killed. Charge nothing.
func (p *Pool) Transcribe(ctx context.Context, r Request, m Model, progress func(api.Progress)) (*api.Result, error) {
	a, err := p.send(ctx, r, taskSpec{order: OrderTranscribe, model: m}, progress)
	if err != nil {
		return nil, err
	}
	return a.finished(), nil
}

// Silence has a worker write a copy of r's audio with silence in the place of
// s.Spans, at 16 kHz and 16 bits, in one channel, or in two where the options
// want the channels split. Errors are those of Transcribe; after one, what
// lies at s.Out is of no use. The file is not synced.
func (p *Pool) Silence(ctx context.Context, r Request, s Silence, progress func(api.Progress)) error {
	_, err := p.send(ctx, r, taskSpec{order: OrderSilence, silence: &s}, progress)
	return err
}

// Turns has a worker find out who speaks when, with the model m of voices:
// so many voices, or as many as it hears where count is 0. Errors are those of
// Transcribe.
func (p *Pool) Turns(ctx context.Context, r Request, m Model, count int, progress func(api.Progress)) ([]Turn, error) {
	a, err := p.send(ctx, r, taskSpec{order: OrderTurns, model: m, voices: count}, progress)
	if err != nil {
		return nil, err
	}
	return a.done.Turns, nil
}

// send has a worker do e with r.
func (p *Pool) send(ctx context.Context, r Request, e taskSpec, progress func(api.Progress)) (*attempt, error) {
	select {
	case <-p.started:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !p.enter() {
		return nil, errStopping
	}
	defer p.busy.Done()
	if err := p.quarantine(r); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.quit.Done():
		return nil, errStopping
	}
	defer func() { <-p.slots }()
	pl := p.take()
	defer pl.free()
	a, err := pl.do(ctx, r, e, progress)
	switch {
	case err == nil:
		p.clearFailures(r)
		return a, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case p.quit.Err() != nil:
		return nil, errStopping
	}
	return nil, p.recordFailure(r, err)
}

// enter counts a call in, unless the pool has ended.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.busy.Add(1)
	return true
}

// take returns a place without a file; one whose worker runs already, if there
// is one. The caller has a slot.
func (p *Pool) take() *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *place
	for _, pl := range p.places {
		if !pl.taken && (best == nil || pl.warm() && !best.warm()) {
			best = pl
		}
	}
	best.taken = true // as many places as slots
	return best
}

// key is what kills are counted by.
func key(r Request) string {
	if r.JobID != "" {
		return r.JobID
	}
	return r.Path
}

// quarantine refuses a file that has ended too many workers.
func (p *Pool) quarantine(r Request) error {
	p.mu.Lock()
	n := p.kills[key(r)]
	p.mu.Unlock()
	if n >= p.cfg.MaxKills {
		return quarantined(api.JobEngineCrashed, n)
	}
	return nil
}

// quarantined is the end of a file that ended n workers.
func quarantined(code string, n int) *Error {
	if code == api.JobTimeout {
		return &Error{Code: code, Message: fmt.Sprintf("the file was given up after %d attempts that took too long", n)}
	}
	return &Error{Code: code, Message: fmt.Sprintf("the file was set aside: it ended the engine %d times; convert it with another program and submit it again", n)}
}

// recordFailure counts a crash against its file, and sets the file aside when that was
// one too many.
func (p *Pool) recordFailure(r Request, err error) error {
	var e *Error
	if !errors.As(err, &e) || !e.Retry {
		p.clearFailures(r)
		return err
	}
	p.mu.Lock()
	p.kills[key(r)]++
	n := max(p.kills[key(r)], r.Attempt)
	p.mu.Unlock()
	if n >= p.cfg.MaxKills {
		p.clearFailures(r)
		return quarantined(e.Code, n)
	}
	return e
}

// clearFailures drops what is held against a file.
func (p *Pool) clearFailures(r Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.kills, key(r))
}

// Workers returns the state of every worker.
func (p *Pool) Workers() []api.Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]api.Worker, 0, len(p.places))
	for _, pl := range p.places {
		out = append(out, pl.state())
	}
	return out
}
