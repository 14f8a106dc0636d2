package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/config"
)

const daemonExample = `  voxparse daemon start
  voxparse daemon run --listen 127.0.0.1:7733 --log-level debug
  voxparse daemon logs -f`

func daemonCmd(a *app) *cobra.Command {
	return group("daemon", "Run and manage the daemon", daemonExample,
		daemonRunCmd(a), daemonStartCmd(a), daemonStopCmd(a), daemonRestartCmd(a), daemonStatusCmd(a), daemonLogsCmd(a),
		daemonInstallCmd(a), daemonUninstallCmd(a), daemonBackupCmd(a), daemonRestoreCmd(a), daemonCompactCmd(a), daemonRepairCmd(a), daemonResetKeyCmd(a), daemonCheckCmd(a))
}

// settingFlags gives a command every setting as a flag, and returns what to
// call for those that were given.
func settingFlags(c *cobra.Command) func() map[string]string {
	values := map[string]*string{}
	for _, f := range config.Flags() {
		if f.Key == "socket" {
			continue // a global flag
		}
		v := &settingValue{name: f.Value}
		c.Flags().Var(v, f.Name, f.About)
		values[f.Key] = &v.text
	}
	return func() map[string]string {
		out := map[string]string{}
		for _, f := range config.Flags() {
			if c.Flags().Changed(f.Name) && values[f.Key] != nil {
				out[f.Key] = *values[f.Key]
			}
		}
		return out
	}
}

// settingValue is the value of a setting's flag: a pflag.Value.
type settingValue struct{ text, name string }

func (v *settingValue) String() string     { return v.text }
func (v *settingValue) Set(s string) error { v.text = s; return nil }

// Type names the value in a line of help.
func (v *settingValue) Type() string { return v.name }

// asFlags turns settings back into arguments for another process.
func asFlags(settings map[string]string) []string {
	var out []string
	for _, f := range config.Flags() {
		if v, ok := settings[f.Key]; ok {
			out = append(out, "--"+f.Name+"="+v)
		}
	}
	return out
}

func daemonRunCmd(a *app) *cobra.Command {
	var background bool
	c := &cobra.Command{
		Use: "run", Short: "Run the daemon in the foreground", Args: args(),
		Long: `Run the daemon in the foreground; logs go to stderr. SIGTERM or Ctrl-C: it takes no
more work, lets what runs finish for the grace period, and hands the rest back.
A second signal ends the grace period.`,
		Example: "  voxparse daemon run --listen 127.0.0.1:7733",
	}
	given := settingFlags(c)
	c.Flags().BoolVar(&background, "background", false, "started by another voxparse")
	if err := c.Flags().MarkHidden("background"); err != nil {
		panic(err) // the flag is defined in the line above
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		err := a.runDaemon(c.Context(), given(), background)
		if background && errors.Is(err, api.Conflict) {
			return exitError{code: exitLocked, err: err}
		}
		return err
	}
	return c
}

// runDaemon runs the daemon until a signal or a request ends it.
func (a *app) runDaemon(ctx context.Context, flags map[string]string, background bool) (err error) {
	cfg, err := config.Load(a.flags(flags), os.Getenv)
	if err != nil {
		return err
	}
	second := make(chan os.Signal, 2)
	signal.Notify(second, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(second)
	log, logFile := newLogger(a.err, cfg, background)
	defer func() { err = errors.Join(err, logFile.Close()) }()
	d, err := daemon.New(ctx, daemon.Options{Config: cfg, Logger: log, Version: version, Check: checkDatabase})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for n := 0; n < 2; n++ {
			select {
			case <-second:
			case <-done:
				return
			}
		}
		d.StopNow()
	}()
	return d.Run(ctx)
}

func daemonStartCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "start", Short: "Start the daemon in the background", Args: args(),
		Example: "  voxparse daemon start --listen 127.0.0.1:7733",
	}
	given := settingFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return a.startDaemon(c.Context(), given()) }
	return c
}

func (a *app) startDaemon(ctx context.Context, flags map[string]string) error {
	cl, err := a.local(ctx, flags)
	if err != nil {
		return err
	}
	if err := a.awaitStart(ctx, cl); !errors.Is(err, client.ErrUnreachable) {
		a.notice("the daemon is already running")
	} else if err := a.spawn(ctx, cl, asFlags(flags)); err != nil {
		return err
	}
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	if open := daemon.OpenToNetwork(a.cfg); open != "" {
		a.notice("%s", open)
	}
	return a.printDaemon(st)
}

// local returns a client of this user's own daemon.
func (a *app) local(ctx context.Context, flags map[string]string) (*client.Client, error) {
	cfg, err := config.Load(a.flags(flags), os.Getenv)
	if err != nil {
		return nil, err
	}
	a.cfg = cfg
	return client.New(a.socketOf(ctx, cfg)), nil
}

// running is what daemon start and status --json print.
type running struct {
	Running   bool      `json:"running"`
	PID       int       `json:"pid,omitempty"`
	Version   string    `json:"version,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	Socket    string    `json:"socket,omitempty"`
	Listen    string    `json:"listen,omitempty"`
}

func (a *app) printDaemon(st api.Status) error {
	r := running{true, st.PID, st.Version, st.StartedAt, st.Socket, st.Listen}
	return printOne(a, r, fmt.Sprint(st.PID), func() {
		a.printf("daemon is running: pid %d, version %s, started %s\n", st.PID, st.Version, a.style.when(st.StartedAt))
		a.field("socket", st.Socket)
		a.field("address", st.Listen)
		if st.Version != version {
			a.notice("this command is version %s; voxparse daemon restart brings the daemon to it", version)
		}
	})
}

func daemonStatusCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say whether the daemon runs; exit 6 where it does not", Args: args(), Example: "  voxparse daemon status && echo up",
		RunE: func(c *cobra.Command, _ []string) error {
			if a.remote() == "" {
				if _, err := a.paths(); err != nil {
					return err
				}
			}
			cl, err := a.client(c.Context())
			if err != nil {
				return err
			}
			st, err := askStatus(c.Context(), cl)
			if err != nil && a.remote() == "" {
				err = a.explain(c.Context(), a.cfg, err)
			}
			if errors.Is(err, client.ErrUnreachable) && a.json {
				return errors.Join(a.printJSON(running{}), exitError{code: exitUnreachable, err: err, silent: true})
			}
			if err != nil {
				return err
			}
			return a.printDaemon(st)
		},
	}
}

func daemonStopCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "Stop the daemon; what runs is finished or handed back", Args: args(), Example: "  voxparse daemon stop",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.paths()
			if err != nil {
				return err
			}
			cl := client.New(a.socketOf(c.Context(), cfg))
			defer cl.Close()
			stopped, err := a.stopDaemon(c.Context(), cl)
			if err != nil {
				return err
			}
			return printOne(a, map[string]bool{"stopped": stopped}, "", func() {
				if stopped {
					a.printf("daemon stopped\n")
				} else {
					a.printf("daemon is not running\n")
				}
			})
		},
	}
}

// stopDaemon stops the daemon and waits until its process is gone. It reports
// whether there was one.
func (a *app) stopDaemon(ctx context.Context, c *client.Client) (bool, error) {
	st, err := askStatus(ctx, c)
	if errors.Is(err, api.Unavailable) {
		return a.stopOwner(ctx, a.cfg)
	}
	if err != nil {
		return false, err
	}
	limit := a.cfg.Grace + 30*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, stillRuns(st.PID, limit))
	defer cancel()
	if err := c.Stop(ctx); err != nil && !errors.Is(err, client.ErrUnreachable) && !errors.Is(err, api.Unknown) {
		return false, err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for alive(st.PID) {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-tick.C:
		}
		if canTell {
			continue
		}
		if _, err := c.Health(ctx); errors.Is(err, client.ErrUnreachable) {
			break
		}
	}
	return true, nil
}

// checkStart returns why a daemon with the settings would not start, as far as
// that can be told while the one behind cl runs.
func (a *app) checkStart(ctx context.Context, cl *client.Client) error {
	serves := ""
	if st, err := cl.Status(ctx); err == nil {
		serves = st.Listen
	}
	return daemon.CheckStart(ctx, a.cfg, serves)
}

func daemonRestartCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "restart", Short: "Stop the daemon and start it again", Args: args(),
		Long:    "Stop the daemon and start it again. One that would not start is found before the running one is stopped.",
		Example: "  voxparse daemon restart",
	}
	given := settingFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl, err := a.local(c.Context(), given())
		if err != nil {
			return err
		}
		if err := a.checkStart(c.Context(), cl); err != nil {
			return fmt.Errorf("%w\nthe daemon that runs was left alone", err)
		}
		if _, err := a.stopDaemon(c.Context(), cl); err != nil {
			return err
		}
		return a.startDaemon(c.Context(), given())
	}
	return c
}
