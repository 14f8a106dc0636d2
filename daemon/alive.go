package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// alive returns an error unless the store answers and, while they are meant
// to run, the loops make their turns.
func (d *Daemon) alive(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := d.db.LastEvent(ctx)
		answered <- err
	}()
	select {
	case err := <-answered:
		if err != nil {
			return fmt.Errorf("read the store: %w", err)
		}
	case <-ctx.Done():
		return fmt.Errorf("the store did not answer within %s", within)
	}
	if d.health() != api.HealthOK {
		return nil // the loops end with the work
	}
	for _, loop := range []interface{ Check(context.Context) error }{d.jobs, d.dispatcher} {
		if err := loop.Check(ctx); err != nil && d.health() == api.HealthOK {
			return err
		}
	}
	return nil
}

// statusLine is what `systemctl status` shows.
func (d *Daemon) statusLine(ctx context.Context) string {
	state := d.health()
	if state != api.HealthOK {
		return fmt.Sprintf("%s; %d running", state, d.jobs.Count())
	}
	jobs, err := d.db.CountJobs(ctx)
	if err != nil {
		return state
	}
	line := fmt.Sprintf("%d running, %d waiting", d.jobs.Count(), jobs[api.Queued])
	if n := len(d.problems(fsx.MayWrite)); n > 0 {
		line += fmt.Sprintf("; %d problems, see: voxparse status", n)
	}
	return line
}
