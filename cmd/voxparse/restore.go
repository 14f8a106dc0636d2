package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/daemon/datadir"
)

// restoredFrom is what daemon restore --json prints.
type restoredFrom struct {
	Path      string    `json:"path"`
	CreatedAt time.Time `json:"created_at"`
	Version   string    `json:"version"`
	Audio     int       `json:"audio_files"`
	WithKey   bool      `json:"with_key"`
	Aside     string    `json:"set_aside,omitempty"`
}

func daemonRestoreCmd(a *app) *cobra.Command {
	var p passphrase
	var o datadir.RestoreOptions
	c := &cobra.Command{
		Use: "restore FILE", Short: "Go back to a backup", Args: args("FILE"),
		Long: `Put a backup in the place of the database and the audio that are there, which are set
aside in the data folder and not removed. The backup is read and checked whole before
anything is moved. The daemon must not run.

What the backup takes for work to be done may have been done since, and receivers may
have been told. So nothing goes on by itself after a restore: jobs that had not ended
are interrupted, webhooks are disabled, and drop folders paused. "voxparse jobs retry",
"voxparse webhooks enable" and "voxparse watch resume" let them go on. Where the backup
is the latest state, --resume lets everything go on at once.

The passphrase of a master key in the backup is asked for; with --no-key the key that
is here stays.`,
		Example: "  voxparse daemon stop && voxparse daemon restore saved.tar",
		RunE: func(c *cobra.Command, got []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			f, err := os.Open(got[0])
			if err != nil {
				return fmt.Errorf("open the backup: %w", err)
			}
			defer f.Close()
			o.Version, o.Check = version, checkDatabase
			o.Passphrase = func() (string, error) { return a.knownPassphrase(c.Context(), p) }
			done, err := datadir.Restore(c.Context(), cfg.DataDir, f, o)
			if err != nil {
				return err
			}
			out := restoredFrom{got[0], done.CreatedAt, done.Version, done.Audio, done.Key, done.Aside}
			return printOne(a, out, got[0], func() { a.printRestored(out, o.Resume) })
		},
	}
	c.Flags().BoolVar(&o.Resume, "resume", false, "the backup is the latest state: let everything go on")
	c.Flags().BoolVar(&o.NoKey, "no-key", false, "keep the master key that is here")
	p.flag(c)
	return c
}

func (a *app) printRestored(r restoredFrom, resume bool) {
	a.printf("restored the backup of %s\n", r.CreatedAt.Local().Format("2006-01-02 15:04"))
	if r.Aside != "" {
		a.printf("what was there is in %s\n", oneLine(r.Aside))
	}
	if resume {
		a.notice("start the daemon: voxparse daemon start")
		return
	}
	a.notice("start the daemon: voxparse daemon start; then let go on what is to:")
	a.notice("  voxparse jobs list --status interrupted   (voxparse jobs retry ID…)")
	a.notice("  voxparse webhooks list                    (voxparse webhooks enable ID)")
	a.notice("  voxparse watch list                       (voxparse watch resume ID)")
}
