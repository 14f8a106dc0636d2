package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/fsx"
)

func configGetCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "get KEY", Short: "Print the value of a setting", Args: args("KEY"), Example: "  voxparse config get max_upload",
		ValidArgsFunction: completeKey,
		RunE: func(_ *cobra.Command, got []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			entries, err := pick(cfg.Entries(), got)
			if err != nil {
				return err
			}
			value := plainValue(entries[0].Value)
			return printOne(a, entries[0], value, func() { a.printf("%s\n", clean(value)) })
		},
	}
}

// completeKey offers the settings for the first word.
func completeKey(_ *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(got) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return config.Keys(), cobra.ShellCompDirectiveNoFileComp
}

func configSetCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "set KEY VALUE", Short: "Change a setting in the config file",
		Long: `Change a setting in the config file. Comments and everything else in it stay as
they are. A value that cannot be is refused, and nothing is written. Lists are
separated by commas. The daemon reads the file when it starts.`,
		Example:           "  voxparse config set max_upload 2GB\n  voxparse config set analysis.enabled false",
		Args:              keyAndValue,
		ValidArgsFunction: completeKey,
		RunE: func(_ *cobra.Command, got []string) error {
			path, data, err := a.configFile()
			if err != nil {
				return err
			}
			changed, err := config.Set(path, data, got[0], got[1])
			if err != nil {
				return err
			}
			if err := writeConfig(path, changed); err != nil {
				return err
			}
			return a.printSet(path, got[0])
		},
	}
}

// keyAndValue is args("KEY", "VALUE"), where the value may be empty.
func keyAndValue(c *cobra.Command, got []string) error {
	if len(got) == 2 {
		return nil
	}
	return args("KEY", "VALUE")(c, got)
}

// configFile returns the path and the text of the config file, which need not
// exist. Of a link it is the file that it leads to.
func (a *app) configFile() (path string, data []byte, err error) {
	cfg, err := config.Paths(a.flags(nil), os.Getenv)
	if cfg == nil {
		return "", nil, err
	}
	path = cfg.ConfigFile
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	data, err = os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("read the config file: %w", err)
	}
	return path, data, nil
}

// writeConfig replaces the config file, whole or not at all, and keeps its
// permissions.
func writeConfig(path string, data []byte) error {
	perm := fs.FileMode(0o600)
	if fi, err := os.Stat(path); err == nil {
		perm = fi.Mode().Perm()
	} else if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the config file: %w", err)
	}
	if err := fsx.WriteFile(path, data, perm); err != nil {
		return fmt.Errorf("write the config file: %w", err)
	}
	return nil
}

// printSet shows the setting as it is in effect now, and says what wins over
// the file.
func (a *app) printSet(path, key string) error {
	a.cfg = nil
	cfg, err := a.settings()
	if err != nil {
		return fmt.Errorf("%s is written, but has other mistakes: %w", key, err)
	}
	entries, err := pick(cfg.Entries(), []string{key})
	if err != nil {
		return err
	}
	e := entries[0]
	if o := cfg.Origin(key); o.From != config.FromFile {
		a.notice("%s says so now, but %s wins over it", path, o)
	}
	return printOne(a, e, plainValue(e.Value), func() { a.printf("%s = %s\n", e.Key, clean(config.TOML(e.Value))) })
}

func configEditCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "edit", Short: "Edit the config file, and check it before it is written", Args: args(),
		Long: `Edit a copy of the config file with $VISUAL or $EDITOR. Where it has no mistakes
it takes the place of the file; otherwise they are told, and the copy is kept.`,
		Example: "  voxparse config edit",
		RunE: func(c *cobra.Command, _ []string) error {
			path, before, err := a.configFile()
			if err != nil {
				return err
			}
			if before == nil {
				before = sampleConfig()
			}
			return a.editConfig(c.Context(), path, before)
		},
	}
}

// editConfig has a person edit a copy of the file, and takes it over where it
// has no mistakes.
func (a *app) editConfig(ctx context.Context, path string, before []byte) error {
	dir, err := os.MkdirTemp("", "voxparse-config")
	if err != nil {
		return fmt.Errorf("make a copy of the config file: %w", err)
	}
	work := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(work, before, 0o600); err != nil {
		return errors.Join(fmt.Errorf("make a copy of the config file: %w", err), os.RemoveAll(dir))
	}
	if err := a.runEditor(ctx, work); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	after, err := os.ReadFile(work)
	if err != nil {
		return fmt.Errorf("read the edited copy: %w", err)
	}
	if bytes.Equal(before, after) {
		a.notice("nothing changed")
		return os.RemoveAll(dir)
	}
	if _, err := config.Load(map[string]string{"config": work}, os.Getenv); err != nil {
		return fmt.Errorf("%w\n%s stays as it was; what you wrote is in %s", err, path, work)
	}
	if err := writeConfig(path, after); err != nil {
		return fmt.Errorf("%w; what you wrote is in %s", err, work)
	}
	a.notice("%s is written; a running daemon takes it with: voxparse daemon restart", path)
	return os.RemoveAll(dir)
}

// runEditor runs $VISUAL or $EDITOR, which may have arguments.
func (a *app) runEditor(ctx context.Context, path string) error {
	words := strings.Fields(os.Getenv("VISUAL"))
	if len(words) == 0 {
		words = strings.Fields(os.Getenv("EDITOR"))
	}
	if len(words) == 0 {
		words = []string{"vi"}
		if runtime.GOOS == "windows" {
			words = []string{"notepad"}
		}
	}
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], path)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.out.w, a.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the editor %s, which $VISUAL or $EDITOR names: %w", words[0], err)
	}
	return nil
}

// sampleConfig is what a person begins with: every setting with its default,
// as a comment.
func sampleConfig() []byte {
	var b bytes.Buffer
	b.WriteString("# Settings of voxparse. Remove the # before those that you change.\n")
	for _, s := range config.Defaults() {
		fmt.Fprintf(&b, "\n# %s\n# %s = %s\n", s.About, s.Key, config.TOML(s.Value))
	}
	return b.Bytes()
}
