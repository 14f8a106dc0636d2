package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// journalUnit is the daemon's unit, as journalctl names it.
const journalUnit = "voxparse.service"

// journalNewer reports whether systemd's journal has a newer line of the
// daemon than the log file at path: then the daemon that ran last was the
// service.
func journalNewer(ctx context.Context, path string) bool {
	out, err := exec.CommandContext(ctx, "journalctl", "--user", "-u", journalUnit, "-n", "1", "-o", "short-unix", "--quiet", "--no-pager").Output()
	if err != nil {
		return false // no journal here
	}
	stamp, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	seconds, err := strconv.ParseFloat(stamp, 64)
	if err != nil {
		return false // nothing of the daemon in it
	}
	st, err := os.Stat(path)
	return err != nil || time.UnixMicro(int64(seconds*1e6)).After(st.ModTime())
}

// printJournal prints the daemon's last lines in the journal, all with 0, and
// goes on as they come with follow.
func (a *app) printJournal(ctx context.Context, lines int, follow bool) error {
	count := "all"
	if lines > 0 {
		count = strconv.Itoa(lines)
	}
	args := []string{"--user", "-u", journalUnit, "--no-pager", "-o", "short-iso", "-n", count}
	if follow {
		args = append(args, "-f")
	}
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.Stdout, cmd.Stderr = a.out.w, a.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError{code: exitFailed, err: err, silent: true} // it has said why
	}
	if err != nil {
		return fmt.Errorf("run journalctl: %w", err)
	}
	return nil
}
