package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/datalock"
)

// answerLimit is how long a daemon may take to say that it is there.
const answerLimit = 5 * time.Second

// paths loads the settings for a command that has to work whatever is in the
// config file. What cannot be read of it is said.
func (a *app) paths() (*config.Config, error) {
	cfg, err := config.Paths(a.flags(nil), os.Getenv)
	if cfg == nil {
		return nil, err
	}
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		a.notice("the settings have mistakes, and what can be read of them is used: %s", line)
	}
	a.cfg = cfg
	return cfg, nil
}

// socketOf returns where the daemon of the data folder listens: it may have been
// started with another runtime folder. A socket that was named stays.
func (a *app) socketOf(ctx context.Context, cfg *config.Config) string {
	if a.socket != "" || os.Getenv("VOXPARSE_SOCKET") != "" {
		return cfg.Socket
	}
	o, held, err := datalock.Find(ctx, cfg.DataDir)
	if err != nil || !held || o.Socket == "" {
		return cfg.Socket // what is wrong, the call there tells
	}
	return o.Socket
}

// askStatus asks the daemon at a socket for its status, for answerLimit.
func askStatus(ctx context.Context, c *client.Client) (api.Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, api.Errorf(api.Unavailable, "the daemon did not answer within %s", answerLimit))
	defer cancel()
	return c.Status(ctx)
}

// errNoAnswer marks the api.Unavailable of a daemon that accepts connections and
// does not answer: it hangs, or is halted.
var errNoAnswer = errors.New("no answer")

type noAnswer struct{ cause *api.Error }

func (e noAnswer) Error() string   { return e.cause.Error() }
func (e noAnswer) Unwrap() []error { return []error{e.cause, errNoAnswer} }

// askAlive asks the daemon for its health, for answerLimit.
func askAlive(ctx context.Context, c *client.Client) (api.Health, error) {
	limited, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	h, err := c.Alive(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = noAnswer{api.Errorf(api.Unavailable, "the daemon did not answer within %s", answerLimit)}
	}
	return h, err
}

// explain makes of a call that nobody answered what the lock of the data folder
// knows: a daemon that runs all the same, and what to do.
func (a *app) explain(ctx context.Context, cfg *config.Config, err error) error {
	if !errors.Is(err, api.Unavailable) {
		return err
	}
	o, held, findErr := datalock.Find(ctx, cfg.DataDir)
	if findErr != nil || !held {
		return err
	}
	if o.PID == 0 {
		return exitError{code: exitUnreachable, err: unknownHolder(cfg)}
	}
	if halted(o.PID) {
		return exitError{code: exitUnreachable, err: fmt.Errorf("the daemon, process %d, is halted by a signal or a debugger, and answers nobody\nlet it go on with: kill -CONT %d", o.PID, o.PID)}
	}
	return exitError{code: exitUnreachable, err: fmt.Errorf("the daemon runs as process %d, version %s, and does not answer at %s\nstop it with: voxparse daemon stop", o.PID, o.Version, o.Socket)}
}

// explainNoAnswer is explain for a command that may be meant for another machine.
func (a *app) explainNoAnswer(ctx context.Context, err error) error {
	if a.remote() != "" {
		return err
	}
	return a.explain(ctx, a.cfg, err)
}

func unknownHolder(cfg *config.Config) error {
	return api.Errorf(api.Conflict, "a process that cannot be told has the data folder %s; it may be in a container, or of another user", cfg.DataDir)
}

// stopOwner stops the process that has the data folder, without its socket. It
// reports whether there was one.
func (a *app) stopOwner(ctx context.Context, cfg *config.Config) (bool, error) {
	o, held, err := datalock.Find(ctx, cfg.DataDir)
	if err != nil || !held {
		return false, err
	}
	if o.PID == 0 {
		return false, unknownHolder(cfg)
	}
	p, err := os.FindProcess(o.PID)
	if err != nil {
		return false, fmt.Errorf("find process %d: %w", o.PID, err)
	}
	a.notice("the daemon does not answer at %s; stopping its process, %d", o.Socket, o.PID)
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return false, fmt.Errorf("stop process %d: %w", o.PID, err)
	}
	if halted(o.PID) {
		if err := goOn(o.PID); err != nil { // it would not hear of the stop
			return false, fmt.Errorf("let process %d go on, to stop it: %w", o.PID, err)
		}
	}
	limit := cfg.Grace + 30*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, stillRuns(o.PID, limit))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, held, err := datalock.Find(ctx, cfg.DataDir)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err != nil {
			return false, err
		}
		if !held || now.PID != 0 && now.PID != o.PID {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// stillRuns says what to do with a daemon that does not stop.
func stillRuns(pid int, limit time.Duration) error {
	return api.Errorf(api.TimedOut, "the daemon (process %d) still runs after %s; see: voxparse daemon logs\n"+
		"what it has accepted is on disk: end it with: kill -9 %d", pid, limit, pid)
}
