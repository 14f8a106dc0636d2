// Package systemd tells a service manager how the daemon is: ready, stopping,
// alive, and one line of status. Without one it does nothing.
package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that the daemon serves.
func Ready() { notify(daemon.SdNotifyReady) }

// Stopping says that the daemon stops, and how long that may take.
func Stopping(within time.Duration) { notify(daemon.SdNotifyStopping, extend(within)) }

// Busy says what keeps the daemon from being ready, and for how long it may do
// so before it says it again.
func Busy(doing string, within time.Duration) { notify("STATUS="+doing, extend(within)) }

func extend(d time.Duration) string { return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()) }

// notify tells a service manager that waits for it. A failure changes nothing
// for us.
func notify(lines ...string) { _, _ = daemon.SdNotify(false, strings.Join(lines, "\n")) }

// Config is what Run needs; all of it is required.
type Config struct {
	// Alive returns an error where the daemon hangs. It may take as long as
	// within.
	Alive func(ctx context.Context, within time.Duration) error
	// Status is the line that `systemctl status` shows.
	Status func(ctx context.Context) string
	Logger *slog.Logger
}

// statusEvery is how often the line that systemctl shows is brought up to date.
const statusEvery = 5 * time.Second

// Run feeds the watchdog of a service manager that set one, while the daemon is
// alive, and keeps its status line fresh. It ends with ctx.
func Run(ctx context.Context, cfg Config) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		cfg.Logger.Warn("read what the watchdog wants", "error", err)
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
		feedWatchdog(ctx, cfg, every/2)
	}
	for {
		if line := cfg.Status(ctx); line != told {
			told = line
			notify("STATUS=" + line)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-feed:
			feedWatchdog(ctx, cfg, every/2)
		}
	}
}

// feedWatchdog feeds the watchdog unless something hangs. When it is fed no
// more, the manager ends the process with a dump of every goroutine and starts
// it again.
func feedWatchdog(ctx context.Context, cfg Config, within time.Duration) {
	if err := cfg.Alive(ctx, within); err != nil {
		if ctx.Err() == nil {
			cfg.Logger.Error("the watchdog is not fed", "reason", err)
		}
		return
	}
	notify(daemon.SdNotifyWatchdog)
}
