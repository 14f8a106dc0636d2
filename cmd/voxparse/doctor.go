package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/service"
)

// doctorLimit is how long the examination may take: hashing a large model takes
// minutes.
const doctorLimit = 10 * time.Minute

func doctorCmd(a *app) *cobra.Command {
	var probe bool
	var bundle string
	c := &cobra.Command{
		Use: "doctor", Short: "Check the installation, and say how to fix each problem", Args: args(),
		Long: `Examine the installation: settings, folders, disk, database, engine, models, clock,
watches, webhooks. Each fault comes with the command that mends it. Exit 1 where
there is an error. Without a daemon, what only it knows is left out; doctor never
starts one.

--bundle writes an archive for a report to others: no transcript, no metadata and
no secret is in it, and names of audio files and of hosts are hashed.`,
		Example: "  voxparse doctor\n  voxparse doctor --probe\n  voxparse doctor --bundle support.tar.gz",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), doctorLimit)
			defer cancel()
			found, err := a.examine(ctx, probe)
			if err != nil {
				return err
			}
			if bundle != "" {
				if err := a.writeBundle(ctx, bundle, found); err != nil {
					return err
				}
			}
			if err := a.printCheckup(found); err != nil {
				return err
			}
			for _, f := range found.Findings {
				if f.Level == api.LevelError {
					return exitError{code: exitFailed, err: errors.New("doctor found errors"), silent: true}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&probe, "probe", false, "ask the webhooks' receivers whether they can be reached (no event is sent)")
	c.Flags().StringVar(&bundle, "bundle", "", "write an archive for a report to this `FILE`, without secrets and transcripts")
	return c
}

// examine asks the daemon, or makes the checks that need none.
func (a *app) examine(ctx context.Context, probe bool) (api.Checkup, error) {
	cfg, err := a.settings()
	if err != nil {
		return api.Checkup{Version: version, At: time.Now().UTC(),
			Findings: []api.Finding{{ID: "config", Level: api.LevelError, Message: err.Error(), Fix: "edit the config file; its keys: voxparse config show"}}}, nil
	}
	cl := client.New(a.socketOf(ctx, cfg))
	defer cl.Close()
	found, err := api.Checkup{}, a.awaitStart(ctx, cl)
	if err == nil {
		found, err = cl.Doctor(ctx, probe)
	}
	if errors.Is(err, errNoAnswer) {
		err = a.explain(ctx, cfg, err)
	}
	switch {
	case err == nil:
		if found.Version != version {
			found.Findings = append(found.Findings, api.Finding{ID: "version", Level: api.LevelWarn, Fix: "voxparse daemon restart",
				Message: fmt.Sprintf("the daemon is version %s, and this command %s", found.Version, version)})
		}
		return found, nil
	case ctx.Err() != nil:
		return api.Checkup{}, context.Cause(ctx)
	}
	found = api.Checkup{Version: version, At: time.Now().UTC()}
	switch {
	case errors.Is(err, client.ErrUnreachable):
		found.Findings = append(found.Findings, api.Finding{ID: "daemon", Level: api.LevelWarn, Fix: "voxparse daemon start",
			Message: "the daemon does not run; what only it knows is left out"})
	default:
		found.Findings = append(found.Findings, api.Finding{ID: "daemon", Level: api.LevelError, Fix: "voxparse daemon restart",
			Message: "the daemon does not answer as it should: " + err.Error()})
	}
	found.Findings = append(found.Findings, api.Finding{ID: "config", Level: api.LevelOK, Message: "the settings are valid"}, a.checkStoredData(ctx, cfg))
	found.Findings = append(found.Findings, doctor.Examine(ctx, cfg, version, a.hasService(ctx))...)
	return found, nil
}

// checkStoredData checks the database in a process of its own.
func (a *app) checkStoredData(ctx context.Context, cfg *config.Config) api.Finding {
	path := filepath.Join(cfg.DataDir, datadir.DatabaseFile)
	var err error
	if _, serr := os.Stat(path); !errors.Is(serr, fs.ErrNotExist) {
		err = checkDatabase(ctx, path)
	} else if err = datadir.Missing(cfg.DataDir); err == nil {
		return api.Finding{ID: "database", Level: api.LevelOK, Message: "there is no database yet"}
	}
	switch {
	case err == nil:
		return api.Finding{ID: "database", Level: api.LevelOK, Message: "the database is valid"}
	case errors.Is(err, api.Conflict):
		return api.Finding{ID: "database", Level: api.LevelError, Fix: "voxparse daemon status, with the --socket of that daemon", Message: "another daemon has the database open, and not at the socket " + cfg.Socket}
	}
	message, fix, _ := strings.Cut(err.Error(), "\n")
	return api.Finding{ID: "database", Level: api.LevelError, Fix: fix, Message: message}
}

// hasService reports whether the daemon is installed as a service of systemd.
func (a *app) hasService(ctx context.Context) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	dirs, err := a.serviceDirs(ctx)
	return err == nil && service.Installed(service.Systemd, dirs)
}

func (a *app) printCheckup(found api.Checkup) error {
	if a.json {
		return a.printJSON(found)
	}
	worst := 0
	for _, f := range found.Findings {
		mark := a.style.good.Render("ok   ")
		switch f.Level {
		case api.LevelWarn:
			mark = a.style.warn.Render("warn ")
		case api.LevelError:
			mark = a.style.bad.Render("error")
		}
		if f.Level != api.LevelOK {
			worst++
		}
		if a.quiet {
			if f.Level != api.LevelOK {
				a.printf("%s\n", f.ID)
			}
			continue
		}
		a.item(mark+" ", fmt.Sprintf("%s: %s", f.ID, oneLine(f.Message)))
		if f.Fix != "" {
			a.item("      ", oneLine(f.Fix))
		}
	}
	if worst == 0 {
		a.notice("all is well")
	}
	return nil
}
