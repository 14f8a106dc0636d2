package daemon

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/clock"
	"github.com/voxparse/voxparse/daemon/systemd"
)

// errStoreFailed ends a run whose store cannot be trusted any more.
var errStoreFailed = errors.New("a write to the database failed and its outcome is unknown; check the disk, then start the daemon again: it goes on where it was")

// httpGrace is how long requests in progress may take once the work is over.
const httpGrace = 2 * time.Second

// stopMargin is what a stop may take beyond the grace period.
const stopMargin = 30 * time.Second

// minProcs is how many threads may run Go code at once, at least. One that
// waits for the disk keeps its place until the runtime notices: on two cores
// with as many places, two syncs hold up everything else.
const minProcs = 4

// Run serves until ctx ends or Stop is called, then stops gracefully: it
// claims nothing more, lets what runs finish for the grace period, hands the
// rest back uncharged and closes the store. It returns nil after such a stop.
// The process is the daemon's own: Run raises GOMAXPROCS where it is below 4
// and the user has not set it.
func (d *Daemon) Run(ctx context.Context) error {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
	if err := d.db.Recover(ctx, localNode, d.run); err != nil {
		if ctx.Err() != nil {
			err = nil // stopped before it had begun
		}
		return errors.Join(err, d.Close())
	}
	d.keeper.Start(ctx) // no upload is in progress yet
	claim, stopClaiming := context.WithCancel(ctx)
	defer stopClaiming()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()

	if err := d.folders.Start(claim); err != nil {
		stopClaiming()
		d.folders.Wait()
		return errors.Join(err, d.Close())
	}
	var loops, rest sync.WaitGroup
	loops.Go(func() { d.jobs.Run(claim, work) })
	loops.Go(func() { d.dispatcher.Run(claim, work) })
	loops.Go(d.folders.Wait)
	rest.Go(func() { d.folders.Run(background) })
	rest.Go(func() { d.feed.Run(background) })
	rest.Go(func() { d.keeper.Run(background) })
	rest.Go(func() { d.leases.Run(background) })
	rest.Go(func() { clock.Watch(background, clock.Config{Back: d.setBack}) })
	rest.Go(func() {
		if err := d.jobs.RunWorkers(background); err != nil {
			d.log.Error("the worker processes ended", "error", err)
			d.Stop()
		}
	})
	openServer(d)
	d.setHealth(api.HealthOK)
	d.log.Info("ready", "socket", d.cfg.Socket, "listen", d.Addr(), "version", d.opts.Version)
	if open := OpenToNetwork(d.cfg); open != "" {
		d.log.Warn(open)
	}
	systemd.Ready()
	rest.Go(func() { systemd.Run(background, systemd.Config{Alive: d.alive, Status: d.statusLine, Logger: d.log}) })

	err := d.untilStop(ctx)
	d.Stop()
	d.setHealth(api.HealthStopping)
	systemd.Stopping(d.cfg.Grace + stopMargin)
	d.log.Info("stopping", "grace", d.cfg.Grace, "running", d.jobs.Count())
	stopClaiming()
	d.waitFor(&loops)
	stopWork()
	loops.Wait()
	d.halt()
	err = errors.Join(err, shutdown(d.server.Server))
	stopBackground()
	rest.Wait()
	d.replays.Wait()
	err = errors.Join(err, d.Close())
	if err == nil {
		d.log.Info("stopped")
	}
	return err
}

// untilStop returns when the daemon is to stop, and why if that is an error.
func (d *Daemon) untilStop(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.stop:
		return nil
	case err := <-d.served:
		return err
	case <-d.db.Failed():
		d.StopNow()
		return errStoreFailed
	}
}

// waitFor gives the loops the grace period to finish what they hold.
func (d *Daemon) waitFor(loops *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		loops.Wait()
		close(done)
	}()
	timer := time.NewTimer(d.cfg.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		d.log.Info("grace period over; handing back what still runs", "running", d.jobs.Count())
	case <-d.now:
	case <-d.db.Failed():
	}
}

// shutdown lets requests in progress end, for a moment, then cuts them off.
func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), httpGrace)
	defer cancel()
	if err := server.Shutdown(ctx); err == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}

// setBack has what waits not wait longer because the clock was set back.
func (d *Daemon) setBack(ctx context.Context, by time.Duration) {
	n, err := d.db.SetBack(ctx, by)
	if err != nil && ctx.Err() == nil {
		d.log.Error("the clock was set back", "by", by, "error", err)
		return
	}
	d.log.Warn("the clock was set back; what waits for a time was moved with it", "by", by.Round(time.Second), "moved", n)
}
