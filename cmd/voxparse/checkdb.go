package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
)

// daemonCheckCmd is what a daemon and doctor run as a process of its own, which
// a damaged database may end.
func daemonCheckCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "check-db [FILE]", Short: "Read the whole database and report what is wrong with it", Hidden: true, Args: cobra.MaximumNArgs(1),
		Example: "  voxparse daemon check-db",
		RunE: func(_ *cobra.Command, got []string) error {
			var path string
			if len(got) == 1 {
				path = got[0]
			} else {
				cfg, err := a.settings()
				if err != nil {
					return err
				}
				path = filepath.Join(cfg.DataDir, daemon.DatabaseFile)
			}
			if err := daemon.CheckDatabase(path); err != nil {
				return err
			}
			return printOne(a, map[string]any{"ok": true, "path": path}, "", func() { a.printf("%s is valid\n", oneLine(path)) })
		},
	}
}

// checkDatabase checks a database in a process of its own. The error says what
// is wrong with it, and what to do; it is api.Conflict while a daemon has it.
func checkDatabase(ctx context.Context, path string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "--color", "never", "daemon", "check-db", path)
	cmd.Stderr = &said
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !errors.As(err, new(*exec.ExitError)) {
		return fmt.Errorf("check the database: %w", err)
	}
	text := strings.TrimPrefix(strings.TrimSpace(said.String()), "error: ")
	if strings.Contains(text, string(api.Conflict)) {
		return api.Errorf(api.Conflict, "%s", text)
	}
	if i := strings.Index(text, "\n\ngoroutine "); i >= 0 {
		text = text[:i] // a panic: its first lines say enough
	}
	return api.Errorf(api.Internal, "the database is damaged (%s)\nrestore a copy of it, or start over with: mv %s %s.damaged", text, path, path)
}
