package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// notifySystemd tells a service manager that waits for it how we are. Without
// one it does nothing, and a failure changes nothing for us.
func notifySystemd(lines ...string) {
	_, _ = systemd.SdNotify(false, strings.Join(lines, "\n"))
}

// statusEvery is how often the line that systemctl shows is brought up to date.
const statusEvery = 5 * time.Second

// keepSystemdInformed feeds the watchdog of a service manager that set one,
// while the store and the loops answer, and keeps its status line fresh. It
// ends with ctx.
func (d *Daemon) keepSystemdInformed(ctx context.Context) {
	limit, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		d.log.Warn("read what the watchdog wants", "error", err)
	}
	every := limit / 2
	told := ""
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	var feed <-chan time.Time
	if every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		feed = t.C
		d.feedWatchdog(ctx, every/2)
	}
	for {
		if line := d.statusLine(ctx); line != told {
			told = line
			notifySystemd("STATUS=" + line)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-feed:
			d.feedWatchdog(ctx, every/2)
		}
	}
}

// feedWatchdog feeds the watchdog unless something hangs. When it is fed no
// more, the manager ends the process with a dump of every goroutine and starts
// it again.
func (d *Daemon) feedWatchdog(ctx context.Context, within time.Duration) {
	if err := d.alive(ctx, within); err != nil {
		if ctx.Err() == nil {
			d.log.Error("the watchdog is not fed", "reason", err)
		}
		return
	}
	notifySystemd(systemd.SdNotifyWatchdog)
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
