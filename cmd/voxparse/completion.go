package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

const completionLong = `Print the completion script of a shell.

bash:        voxparse completion bash > ~/.local/share/bash-completion/completions/voxparse
zsh:         voxparse completion zsh > "${fpath[1]}/_voxparse"
fish:        voxparse completion fish > ~/.config/fish/completions/voxparse.fish
powershell:  voxparse completion powershell | Out-String | Invoke-Expression

The scripts ask voxparse for ids of jobs and webhooks; they never start the daemon.`

// completionFiles names the script of each shell as packages install it.
var completionFiles = []struct{ shell, file string }{
	{"bash", "voxparse.bash"}, {"zsh", "_voxparse"}, {"fish", "voxparse.fish"}, {"powershell", "voxparse.ps1"},
}

func completionCmd(a *app) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print the completion script of a shell",
		Long:      completionLong,
		Example:   "  source <(voxparse completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, got []string) error {
			switch {
			case dir != "":
				return writeCompletions(c.Root(), dir)
			case len(got) == 0:
				return usagef("name the shell: bash, zsh, fish or powershell\nsee: voxparse completion --help")
			}
			return genCompletion(c.Root(), got[0], a.out)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "write the scripts of all shells into this folder, `DIR`")
	if err := c.Flags().MarkHidden("dir"); err != nil {
		panic(err) // the flag is defined in the line above
	}
	return c
}

func genCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	return usagef("there is no completion for %q: bash, zsh, fish or powershell", shell)
}

func writeCompletions(root *cobra.Command, dir string) error {
	for _, f := range completionFiles {
		var b bytes.Buffer
		if err := genCompletion(root, f.shell, &b); err != nil {
			return fmt.Errorf("make the completion for %s: %w", f.shell, err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.file), b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write the completion for %s: %w", f.shell, err)
		}
	}
	return nil
}

// completeIDs offers ids from a running daemon, within half a second.
func (a *app) completeIDs(list func(context.Context, *client.Client) ([]string, error)) cobra.CompletionFunc {
	return func(c *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
		cl, err := a.client(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), 500*time.Millisecond)
		defer cancel()
		ids, err := list(ctx, cl)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ids = slices.DeleteFunc(ids, func(line string) bool {
			id, _, _ := strings.Cut(line, "\t")
			return slices.Contains(got, id) // it stands there already
		})
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeJobs offers jobs in one of these states, or any without one.
func (a *app) completeJobs(states ...api.JobStatus) cobra.CompletionFunc {
	return a.completeIDs(func(ctx context.Context, c *client.Client) ([]string, error) {
		jobs, err := c.Jobs(ctx, client.JobQuery{Limit: api.MaxListLimit})
		ids := make([]string, 0, len(jobs))
		for _, j := range jobs {
			if len(states) > 0 && !slices.Contains(states, j.Status) {
				continue
			}
			ids = append(ids, fmt.Sprintf("%s\t%s, %s", j.ID, oneLine(j.Source.Name), j.Status))
		}
		return ids, err
	})
}

func (a *app) completeWebhooks() cobra.CompletionFunc {
	return a.completeIDs(func(ctx context.Context, c *client.Client) ([]string, error) {
		hooks, err := c.Webhooks(ctx)
		ids := make([]string, 0, len(hooks))
		for _, w := range hooks {
			ids = append(ids, w.ID+"\t"+oneLine(w.URL))
		}
		return ids, err
	})
}

func (a *app) completeWatches() cobra.CompletionFunc {
	return a.completeIDs(func(ctx context.Context, c *client.Client) ([]string, error) {
		folders, err := c.Watches(ctx)
		ids := make([]string, 0, len(folders))
		for _, f := range folders {
			ids = append(ids, f.ID+"\t"+oneLine(f.Dir))
		}
		return ids, err
	})
}
