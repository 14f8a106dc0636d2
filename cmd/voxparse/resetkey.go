package main

import (
	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
)

func daemonResetKeyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "reset-key", Short: "Give up secrets whose master key is lost", Args: args(),
		Long: `Give up the secrets of webhooks that were sealed with a master key which is lost, and make
a new key where there is none. Each of these webhooks is disabled, and what is for it is
held: give it a new secret with "voxparse webhooks rotate", put that into its receiver, and
enable it. Secrets that can be opened stay. The daemon must not run.

Look for the key first: vault.key in a backup of the data folder, or the keyring of the
desktop.`,
		Example: "  voxparse daemon reset-key && voxparse daemon start",
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := a.stoppedDatabase(c.Context()); err != nil {
				return err
			}
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			given, err := datadir.ResetKey(c.Context(), cfg.DataDir, checkDatabase)
			if err != nil {
				return err
			}
			return a.printGivenUp(given)
		},
	}
}

// printGivenUp prints the webhooks that have no secret any more.
func (a *app) printGivenUp(given []api.Webhook) error {
	if len(given) == 0 && !a.json && !a.quiet {
		a.printf("no secret is lost\n")
		return nil
	}
	t := table{head: []string{"ID", "URL", "NEXT"}}
	for _, w := range given {
		t.add(w.ID, oneLine(w.URL), "voxparse webhooks rotate "+w.ID)
	}
	return printList(a, given, func(w api.Webhook) string { return w.ID }, t, "")
}
