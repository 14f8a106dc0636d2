package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/engine"
)

// newWork prepares the job loop and the workers it uses.
func newWork(d *Daemon) (*work, error) {
	w := &work{d: d, scr: d.opts.Transcriber, jobs: map[string]*run{}, free: make(chan struct{}, 1), fetch: newFetches(d.models)}
	if w.scr == nil {
		cfg, err := d.engineConfig()
		if err != nil {
			return nil, err
		}
		w.pool = engine.NewPool(cfg)
		w.scr = w.pool
	}
	w.slots = d.slots()
	return w, nil
}

// engineConfig returns the settings of the worker processes.
func (d *Daemon) engineConfig() (engine.Config, error) {
	path := d.opts.EnginePath
	if path == "" {
		path = d.cfg.Engine
	}
	if path == "" {
		var err error
		if path, err = engine.Find(); err != nil {
			return engine.Config{}, err
		}
	}
	scratch := filepath.Join(d.cfg.CacheDir, "scratch")
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return engine.Config{}, fmt.Errorf("make the workers' folder: %w", err)
	}
	return engine.Config{
		Command: []string{path}, Workers: d.cfg.Workers, Pin: d.cfg.Pin == "on", Dir: scratch, CacheDir: d.cfg.CacheDir,
		Logger: d.log, MaxSeconds: d.cfg.MaxLength.Seconds(),
	}, nil
}

// runPool owns the worker processes until ctx ends.
func (w *work) runPool(ctx context.Context) {
	if w.pool == nil {
		return
	}
	if err := w.pool.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		w.d.log.Error("the worker processes ended", "error", err)
		w.d.Stop()
	}
}
