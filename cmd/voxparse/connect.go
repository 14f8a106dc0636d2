package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/fsx"
)

// startLimit is how long a daemon may take until it answers. Opening a store of
// a million jobs takes a second or two.
const startLimit = 30 * time.Second

// lockedLimit is how long another daemon that holds the store may take until it
// answers here.
const lockedLimit = 5 * time.Second

// client returns a client of the daemon as it is, running or not.
func (a *app) client(ctx context.Context) (*client.Client, error) {
	if base := a.remote(); base != "" {
		u, err := url.Parse(base)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, usagef("VOXPARSE_URL: got %q, want a URL such as http://127.0.0.1:7733", base)
		}
		return client.NewTCP(base, os.Getenv("VOXPARSE_API_KEY")), nil
	}
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	return client.New(a.socketOf(ctx, cfg)), nil
}

// mayStart reports whether a command may start the daemon by itself.
func (a *app) mayStart() bool {
	never, err := strconv.ParseBool(cmp.Or(os.Getenv("VOXPARSE_NO_AUTOSTART"), "false"))
	return a.remote() == "" && err == nil && !never
}

// connect returns a client of a daemon that answers, and starts one where none
// does and that is wanted.
func (a *app) connect(ctx context.Context) (*client.Client, error) {
	c, err := a.client(ctx)
	if err != nil {
		return nil, err
	}
	if err = a.awaitStart(ctx, c); !errors.Is(err, client.ErrUnreachable) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errNoAnswer):
			return nil, a.explainNoAnswer(ctx, err)
		}
		return c, nil // what else is wrong, the call itself tells
	}
	if !a.mayStart() {
		return nil, err
	}
	if err := a.spawn(ctx, c, nil); err != nil {
		return nil, err
	}
	return c, nil
}

// startNotice is how long a start goes on until somebody who waits for it is told.
const startNotice = 2 * time.Second

// awaitStart waits for as long as the daemon says that it starts: after a crash
// it checks its database. It returns why the daemon does not answer, or what it
// answers with.
func (a *app) awaitStart(ctx context.Context, c *client.Client) error {
	began, told := time.Now(), false
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := askAlive(ctx, c)
		if err != nil || h.Status != api.HealthStarting {
			return err
		}
		if !told && time.Since(began) > startNotice {
			told = true
			a.notice("the daemon is starting: it checks its database")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// How long a restart of the daemon is waited for, and for how long nobody may
// answer until this command starts one itself.
const (
	restartLimit = 2 * time.Minute
	downLimit    = 5 * time.Second
)

// awaitRestart waits for as long as the daemon stops, is away, or starts. It
// returns false where it answers as it should: then it is not because of a restart
// that it refused something.
func (a *app) awaitRestart(ctx context.Context, c *client.Client) (waited bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, restartLimit, api.Errorf(api.Unavailable, "the daemon has not started again within %s", restartLimit))
	defer cancel()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := askAlive(ctx, c)
		switch {
		case err == nil && h.Status == api.HealthOK:
			return waited, nil
		case ctx.Err() != nil:
			return waited, context.Cause(ctx)
		case errors.Is(err, client.ErrUnreachable) && time.Since(began) > downLimit:
			if !a.mayStart() {
				return waited, err
			}
			return true, a.spawnOne(ctx, c)
		case err != nil && !errors.Is(err, client.ErrUnreachable):
			return waited, err
		}
		if !waited {
			a.notice("the daemon stops or is being restarted; waiting for it")
		}
		waited = true
		select {
		case <-ctx.Done():
			return waited, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// spawnOne is spawn for uploads that go on at the same time: one of them starts
// the daemon, and the others find it.
func (a *app) spawnOne(ctx context.Context, c *client.Client) error {
	a.spawning.Lock()
	defer a.spawning.Unlock()
	if err := a.awaitStart(ctx, c); !errors.Is(err, client.ErrUnreachable) {
		return err
	}
	return a.spawn(ctx, c, nil)
}

// spawn starts a daemon in the background and waits until it answers. flags
// are settings for it besides the global ones.
func (a *app) spawn(ctx context.Context, c *client.Client, flags []string) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	if len(flags) == 0 && a.startService(ctx) {
		return a.awaitService(ctx, c)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := fsx.PrivateDir(cfg.DataDir); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	logFile, err := openLog(cfg.LogFile())
	if err != nil {
		return err
	}
	defer logFile.Close()
	from, err := logFile.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("look at the log: %w", err)
	}
	args := []string{"daemon", "run", "--background", "--socket", cfg.Socket}
	if cfg.Exists() {
		args = append(args, "--config", cfg.ConfigFile)
	}
	cmd := exec.Command(self, append(args, flags...)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Dir = "/"
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	return a.awaitDaemon(ctx, c, logFile, exited, from)
}

// awaitDaemon waits until a daemon answers. When the one that we started finds
// the store locked, another may have won the race for it: that one is given
// lockedLimit, and then it is one that listens elsewhere.
func (a *app) awaitDaemon(ctx context.Context, c *client.Client, logFile *os.File, exited <-chan error, from int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(startLimit, func() {
		cancel(exitError{code: exitUnreachable, err: api.Errorf(api.Unavailable, "the daemon did not answer within %s; see: voxparse daemon logs", startLimit)})
	})
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var locked <-chan time.Time
	for {
		h, err := c.Alive(ctx)
		switch {
		case err == nil && h.Status == api.HealthStarting: // it may take as long as it says so
			limit.Reset(startLimit)
		case err == nil, !errors.Is(err, client.ErrUnreachable) && !errors.Is(err, api.Unknown) && ctx.Err() == nil:
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-exited:
			exited = nil
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == exitLocked {
				locked = time.After(lockedLimit)
				continue
			}
			return exitError{code: exitUnreachable, err: fmt.Errorf("the daemon did not start: %s", lastError(logFile, from))}
		case <-locked:
			return exitError{code: exitUnreachable, err: fmt.Errorf("%s\nand nothing answers at %s; look at --socket and VOXPARSE_SOCKET", lastError(logFile, from), a.cfg.Socket)}
		case <-tick.C:
		}
	}
}

// exitLocked is how `daemon run` exits where another daemon holds the store.
const exitLocked = 75

// openLog opens the daemon's log for what the daemon says before it writes the
// log itself, or when it crashes. The daemon rotates it.
func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the daemon's log: %w", err)
	}
	return f, nil
}

// lastError returns what a daemon that did not start said, from an offset of
// its log on.
func lastError(f *os.File, from int64) string {
	if _, err := f.Seek(from, 0); err != nil {
		return "see " + f.Name()
	}
	said, keep := []string{}, false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if rest, ok := strings.CutPrefix(line, "error: "); ok {
			said, keep = append(said[:0], rest), true
			continue
		}
		if keep && strings.HasPrefix(line, "       ") {
			said = append(said, strings.TrimSpace(line))
			continue
		}
		keep = false
	}
	if len(said) == 0 {
		return "it said nothing of why; see " + filepath.Clean(f.Name())
	}
	return strings.Join(said, "\n")
}
