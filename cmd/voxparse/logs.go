package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

func daemonLogsCmd(a *app) *cobra.Command {
	var follow bool
	var lines int
	c := &cobra.Command{
		Use: "logs", Short: "Print the daemon's log", Args: args(),
		Long: `Print the end of the log of a daemon that was started in the background. One that
systemd runs logs to the journal; whichever has the newer line is printed.`,
		Example: "  voxparse daemon logs -n 200\n  voxparse daemon logs -f",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.paths()
			if err != nil {
				return err
			}
			if journalNewer(c.Context(), cfg.LogFile()) {
				return a.printJournal(c.Context(), lines, follow)
			}
			f, err := os.Open(cfg.LogFile())
			if errors.Is(err, fs.ErrNotExist) {
				return api.Errorf(api.NotFound, "there is no log yet: %s; the daemon writes it when it is started in the background", cfg.LogFile())
			}
			if err != nil {
				return fmt.Errorf("open the log: %w", err)
			}
			defer func() { f.Close() }()
			if err := a.tail(f, lines); err != nil || !follow {
				return err
			}
			return a.followLog(c.Context(), &f, cfg.LogFile())
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "keep printing new lines")
	c.Flags().IntVarP(&lines, "lines", "n", 100, "`N` lines at the end, 0 for all")
	return c
}

// tail prints the last n lines of f and leaves f at its end.
func (a *app) tail(f *os.File, n int) error {
	if n > 0 {
		if err := seekLines(f, n); err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
	}
	if _, err := io.Copy(a.out, f); err != nil {
		return fmt.Errorf("print the log: %w", err)
	}
	return nil
}

// seekLines moves f to the start of its last n lines, reading from the end.
func seekLines(f *os.File, n int) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	left := n // line ends to pass over; the one at the end of the last line does not count
	for at := end; at > 0; {
		size := min(int64(len(buf)), at)
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' || at+i == end-1 {
				continue
			}
			if left--; left == 0 {
				_, err := f.Seek(at+i+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// followLog prints what is added to the log, also to a new one once it was put
// aside.
func (a *app) followLog(ctx context.Context, f **os.File, path string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.Copy(a.out, *f); err != nil {
			return fmt.Errorf("print the log: %w", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		now, err := os.Stat(path)
		if err != nil {
			continue // put aside, and the new one is not there yet
		}
		if held, err := (*f).Stat(); err == nil && !os.SameFile(now, held) {
			next, err := os.Open(path)
			if err != nil {
				continue
			}
			if _, err := io.Copy(a.out, *f); err != nil {
				return errors.Join(fmt.Errorf("print the log: %w", err), next.Close())
			}
			if err := (*f).Close(); err != nil {
				return errors.Join(fmt.Errorf("close the old log: %w", err), next.Close())
			}
			*f = next
		}
	}
}
