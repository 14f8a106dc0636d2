package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
)

func configCmd(a *app) *cobra.Command {
	return group("config", "Show and change the settings", "  voxparse config show --origin\n  voxparse config set max_upload 2GB",
		configShowCmd(a), configGetCmd(a), configSetCmd(a), configEditCmd(a), configPathCmd(a))
}

// configView is what config show --json prints.
type configView struct {
	File    string                   `json:"file"`
	Exists  bool                     `json:"exists"`
	Items   []config.Entry           `json:"items"`
	Engines map[string]config.Engine `json:"engines,omitempty"`
	Folders []config.Folder          `json:"folders,omitempty"`
}

func configShowCmd(a *app) *cobra.Command {
	var origin bool
	c := &cobra.Command{
		Use: "show [KEY…]", Short: "Show every setting, and where it comes from", Long: `Show every setting, or those named. A flag wins over a VOXPARSE_* variable, that
over the config file, that over the default; --origin says which it was. With -q
the values alone are printed.`,
		Example:           "  voxparse config show --origin\n  voxparse config show max_upload",
		ValidArgsFunction: cobra.FixedCompletions(config.Keys(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, got []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			entries, err := pick(cfg.Entries(), got)
			if err != nil {
				return err
			}
			if a.json {
				v := configView{File: cfg.ConfigFile, Exists: cfg.Exists(), Items: entries}
				if len(got) == 0 {
					v.Engines, v.Folders = cfg.Engines, cfg.Folders
				}
				return a.printJSON(v)
			}
			if a.quiet {
				for _, e := range entries {
					a.printf("%s\n", plainValue(e.Value))
				}
				return nil
			}
			a.showConfig(cfg, entries, origin, len(got) == 0)
			if len(got) == 0 && !cfg.Exists() {
				a.notice("these are the defaults: %s does not exist yet", cfg.ConfigFile)
			}
			for _, v := range config.UnknownVariables(os.Environ()) {
				a.notice("%s", v)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
	return c
}

func pick(all []config.Entry, names []string) ([]config.Entry, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []config.Entry
	for _, n := range names {
		found := false
		for _, e := range all {
			if e.Key == n {
				out, found = append(out, e), true
			}
		}
		if !found {
			msg := fmt.Sprintf("there is no setting %q", n)
			if near := api.Nearest(n, config.Keys()); near != "" {
				msg += fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, usageError{msg}
		}
	}
	return out, nil
}

// showConfig prints the settings as the file has them, so that a line can be
// copied there.
func (a *app) showConfig(cfg *config.Config, entries []config.Entry, origin, whole bool) {
	section := ""
	for _, e := range entries {
		name := e.Key
		if s, rest, ok := strings.Cut(e.Key, "."); ok && whole {
			name = rest
			if s != section {
				a.printf("\n%s\n", a.style.bold.Render("["+s+"]"))
			}
			section = s
		} else if section != "" && whole {
			section = ""
			a.printf("\n")
		}
		line := fmt.Sprintf("%s = %s", name, config.TOML(e.Value))
		if origin {
			line = fmt.Sprintf("%-40s %s", line, a.style.faint.Render("# "+e.Origin.String()))
		}
		a.printf("%s\n", line)
	}
	if !whole {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Engines)) {
		a.printf("\n%s\ntype = %q\n", a.style.bold.Render("[engines."+name+"]"), cfg.Engines[name].Type)
	}
	for _, f := range cfg.Folders {
		a.printf("\n%s\ndir = %q\n", a.style.bold.Render("[[folder]]"), f.Dir)
	}
}

// plainValue is a value as a script wants it.
func plainValue(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}

func configPathCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print where the config file is, or would be", Args: args(), Example: "  ls -l \"$(voxparse config path)\"",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.paths()
			if err != nil {
				return err
			}
			return printOne(a, map[string]any{"path": cfg.ConfigFile, "exists": cfg.Exists()}, cfg.ConfigFile, func() { a.printf("%s\n", cfg.ConfigFile) })
		},
	}
}
