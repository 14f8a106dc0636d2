package main

import (
	"context"
	"runtime"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/service"
)

// startService starts the daemon by way of the service manager, where it is
// installed there and nothing asks for other settings. It reports whether the
// manager took the order.
func (a *app) startService(ctx context.Context) bool {
	if runtime.GOOS != "linux" || a.socket != "" || a.config != "" {
		return false
	}
	dirs, err := a.serviceDirs(ctx)
	if err != nil || !service.Installed(service.Systemd, dirs) {
		return false
	}
	return runCommand(ctx, "systemctl", "--user", "start", "voxparse.service") == nil
}

// awaitService waits until the daemon of the service answers.
func (a *app) awaitService(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit,
		api.Errorf(api.Unavailable, "the service runs, and its daemon did not answer within %s; see: voxparse daemon logs", startLimit))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := c.Health(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
