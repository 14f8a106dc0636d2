package engine

import (
	"context"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// restartWaits are between two starts of a worker in the same place.
var restartWaits = retry.Backoff{First: 250 * time.Millisecond, Most: 30 * time.Second}

// place is where one worker runs, and the next after it. Its fields are
// guarded by the pool's lock; proc is used freely by whoever has taken the
// place.
type place struct {
	pool     *Pool
	taken    bool
	stage    string // "starting", "backing off" or "" while taken
	job      string
	proc     *process
	restarts int // workers that ended here without being asked to
	inRow    int // of those, since the last file that went well
	idle     *time.Timer
}

// warm reports whether a worker runs here. The caller holds the lock.
func (pl *place) warm() bool {
	if pl.proc == nil {
		return false
	}
	select {
	case <-pl.proc.dead:
		return false
	default:
		return true
	}
}

// state describes the place. The caller holds the lock.
func (pl *place) state() api.Worker {
	w := api.Worker{Status: "idle", Restarts: pl.restarts, JobID: pl.job}
	if pl.taken {
		w.Status = "busy"
	}
	if pl.stage != "" {
		w.Status = pl.stage
	}
	if pl.warm() {
		w.PID = pl.proc.pid
		w.RSSBytes = memoryOf(pl.proc.pid)
	}
	return w
}

// set changes the place under the lock.
func (pl *place) set(change func()) {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	change()
}

// free gives the place back. A worker that stays without work is ended.
func (pl *place) free() {
	pl.set(func() {
		pl.taken, pl.stage, pl.job = false, "", ""
		if pl.idle != nil {
			pl.idle.Stop()
		}
		if pl.warm() && !pl.pool.ended {
			proc := pl.proc
			pl.idle = time.AfterFunc(pl.pool.cfg.IdleAfter, func() { pl.unload(proc) })
			return
		}
		if pl.proc != nil {
			pl.proc.kill("the engine is stopping")
		}
	})
}

// unload ends proc if it still has nothing to do.
func (pl *place) unload(proc *process) {
	pl.set(func() {
		if !pl.taken && pl.proc == proc {
			proc.close()
			pl.proc = nil
		}
	})
}

// retire ends the worker for good.
func (pl *place) retire() {
	pl.set(func() {
		if pl.idle != nil {
			pl.idle.Stop()
		}
		if pl.proc != nil {
			pl.proc.kill("the engine is stopping")
		}
	})
}

// worker returns a running worker, which it starts where there is none.
func (pl *place) worker(ctx context.Context) (*process, error) {
	var proc *process
	var pause time.Duration
	pl.set(func() {
		if pl.warm() {
			proc = pl.proc
			return
		}
		pl.proc, pl.stage = nil, "starting"
		if pl.inRow > 0 {
			pl.stage = "backing off"
			pause = restartWaits.After(pl.inRow)
		}
	})
	if proc != nil {
		return proc, nil
	}
	if err := sleep(ctx, pl.pool.quit, pause); err != nil {
		return nil, err
	}
	pl.set(func() { pl.stage = "starting" })
	proc, err := start(ctx, pl.pool.cfg, &pl.pool.busy)
	pl.set(func() {
		pl.proc, pl.stage = proc, ""
		if err != nil {
			pl.proc = nil
			pl.inRow++
		}
		if pl.pool.ended && pl.proc != nil {
			pl.proc.kill("the engine is stopping")
		}
	})
	if err != nil {
		return nil, &Error{Code: api.JobInternal, Message: err.Error(), Transient: true}
	}
	pl.pool.cfg.Logger.Debug("worker started", "pid", proc.pid)
	return proc, nil
}

// drop ends a worker that is not to be used again, and waits for its end.
func (pl *place) drop(proc *process, why string, blame bool) {
	proc.kill(why)
	drain(proc)
	pl.set(func() {
		pl.proc = nil
		if blame {
			pl.restarts++
			pl.inRow++
		}
	})
	if blame {
		pl.pool.cfg.Logger.Warn("worker ended", "pid", proc.pid, "reason", proc.reason(), "job", pl.job)
	}
}

// drain waits for the end of a killed worker, whose last reports nobody wants.
func drain(proc *process) {
	for {
		select {
		case <-proc.reports:
		case <-proc.dead:
			return
		}
	}
}

// sleep waits for d, or until one of the contexts ends.
func sleep(ctx, quit context.Context, d time.Duration) error {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(quit, cancel)()
	switch err := retry.Sleep(both, d); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return errStopping
}
