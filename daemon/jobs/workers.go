package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/fsx"
)

// Pool is what the worker processes do. *engine.Pool is one.
type Pool interface {
	engine.Transcriber
	Turns(ctx context.Context, r engine.Request, m engine.Model, voices int, progress func(api.Progress)) ([]engine.Turn, error)
	Silence(ctx context.Context, r engine.Request, s engine.Silence, progress func(api.Progress)) error
	Run(ctx context.Context) error // until ctx ends
	Workers() []api.Worker
}

// WorkerConfig is how the worker processes are run.
type WorkerConfig struct {
	Program   string        // "": beside the executable
	Count     int           // jobs that run at once; 0: as many as suit the machine
	Pin       bool          // each to a core of its own
	CacheDir  string        // what can be made again
	MaxLength time.Duration // longest audio that is accepted
}

// engineConfig returns the settings of the worker processes.
func (r *Runner) engineConfig() (engine.Config, error) {
	path := r.cfg.Workers.Program
	if path == "" {
		var err error
		if path, err = engine.Find(); err != nil {
			return engine.Config{}, err
		}
	}
	scratch := filepath.Join(r.cfg.Workers.CacheDir, "scratch")
	if err := fsx.OwnDir(scratch); err != nil {
		return engine.Config{}, fmt.Errorf("make the workers' folder: %w", err)
	}
	r.program = path
	return engine.Config{
		Command: []string{path}, Workers: r.cfg.Workers.Count, Pin: r.cfg.Workers.Pin, Dir: scratch, CacheDir: r.cfg.Workers.CacheDir,
		Logger: r.log, MaxSeconds: r.cfg.Workers.MaxLength.Seconds(),
	}, nil
}

// RunWorkers owns the worker processes until ctx ends. An error means that they
// have ended before: nothing can be transcribed any more.
func (r *Runner) RunWorkers(ctx context.Context) error {
	if r.pool == nil {
		return nil
	}
	if err := r.pool.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run the worker processes: %w", err)
	}
	return nil
}

// Workers returns the worker processes as the API shows them; never nil.
func (r *Runner) Workers() []api.Worker {
	if r.pool == nil {
		return []api.Worker{}
	}
	return append([]api.Worker{}, r.pool.Workers()...)
}

// Problems are what jobs wait for: a worker program that is gone, and models that
// could not be fetched.
func (r *Runner) Problems() []api.Problem {
	out := r.fetches.problems()
	if r.program == "" {
		return out
	}
	if err := engine.Runnable(r.program); err != nil {
		out = append(out, api.Problem{Code: "engine_missing", Message: fmt.Sprintf("the worker program %s cannot be run (%v), and every file waits for it", r.program, problem.Cause(err)),
			Fix: "install voxparse again, or set engine in the config file and restart the daemon"})
	}
	return out
}
