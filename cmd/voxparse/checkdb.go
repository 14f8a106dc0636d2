package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
)

// daemonCheckCmd is what a daemon and doctor run as a process of its own: it
// takes much memory for a large database, and a damaged one may end it.
func daemonCheckCmd(a *app) *cobra.Command {
	tied := false
	c := &cobra.Command{
		Use: "check-db [FILE]", Short: "Read the whole database and report what is wrong with it", Hidden: true, Args: cobra.MaximumNArgs(1),
		Example: "  voxparse daemon check-db",
		RunE: func(_ *cobra.Command, got []string) error {
			if tied {
				go endWith(a.in)
			}
			var path string
			if len(got) == 1 {
				path = got[0]
			} else {
				cfg, err := a.settings()
				if err != nil {
					return err
				}
				path = filepath.Join(cfg.DataDir, datadir.DatabaseFile)
			}
			if err := datadir.Check(path); err != nil {
				return err
			}
			return printOne(a, map[string]any{"ok": true, "path": path}, "", func() { a.printf("%s is valid\n", oneLine(path)) })
		},
	}
	c.Flags().BoolVar(&tied, "tied", false, "end at the end of standard input")
	return c
}

// endWith ends this process at the end of in: whoever holds its other end, and
// waits for what is done here, was killed.
func endWith(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	os.Exit(exitFailed)
}

// checkDatabase checks a database in a process of its own. The error says what
// is wrong with it, and what to do; it is api.Conflict while a daemon has it, and
// api.Invalid for one that only a newer program can read.
func checkDatabase(ctx context.Context, path string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "--json", "daemon", "check-db", "--tied", path)
	cmd.Stderr = &said
	// The pipe ends with this process, and the check with it: it has the lock.
	if _, err := cmd.StdinPipe(); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("check the database: %w", err)
	}
	var f failure
	if json.Unmarshal(said.Bytes(), &f) == nil && f.Error.Message != "" {
		return refusal(f)
	}
	return api.Errorf(api.Internal, "the check of the database ended before it was through (%s)\nwhere the memory was short: free some and try again; else: voxparse daemon repair", exit)
}

// refusal is what a process of ours said as JSON, as an error.
func refusal(f failure) error {
	code := api.Internal
	switch f.Error.Code {
	case api.Conflict.Status():
		code = api.Conflict
	case api.Invalid.Status():
		code = api.Invalid
	}
	return api.Errorf(code, "%s", f.Error.Message)
}
