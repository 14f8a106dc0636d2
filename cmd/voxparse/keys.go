package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/vault"
)

func keysCmd(a *app) *cobra.Command {
	return group("keys", "API keys for the daemon's TCP address", "  voxparse keys add ci\n  voxparse keys list\n  voxparse keys rm ci",
		keysAddCmd(a), keysListCmd(a), keysRmCmd(a))
}

func (a *app) keys() (*vault.Keys, error) {
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	if err := fsx.PrivateDir(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return vault.OpenKeys(cfg.DataDir)
}

// newKey is what keys add --json prints.
type newKey struct {
	vault.Key
	Secret string `json:"key"`
}

func keysAddCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "add NAME", Aliases: []string{"create"}, Short: "Make an API key and show it, once", Args: args("NAME"),
		Long: `Make an API key and show it, once: only its hash is kept. Requests over TCP bear it
as X-API-Key or as Authorization: Bearer. The Unix socket needs none.`,
		Example: "  voxparse keys add ci\n  curl -H \"X-API-Key: vp_…\" http://127.0.0.1:7733/v1/jobs",
		RunE: func(_ *cobra.Command, got []string) error {
			keys, err := a.keys()
			if err != nil {
				return err
			}
			k, secret, err := keys.Add(got[0])
			if err != nil {
				return err
			}
			k.Hash = ""
			if a.quiet && !a.json {
				fmt.Fprintf(a.err, "key: %s\n", secret)
			}
			return printOne(a, newKey{k, secret}, k.ID, func() {
				a.field("id", k.ID)
				a.field("name", oneLine(k.Name))
				a.field("key", a.style.bold.Render(secret))
				a.notice("keep the key now: it is never shown again")
				if a.cfg.Listen == "" {
					a.notice("the daemon has no TCP address yet; set listen = \"127.0.0.1:7733\" in %s, then: voxparse daemon restart", a.cfg.ConfigFile)
				}
			})
		},
	}
}

func keysListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List API keys", Args: args(), Example: "  voxparse keys list",
		RunE: func(*cobra.Command, []string) error {
			keys, err := a.keys()
			if err != nil {
				return err
			}
			list, err := keys.List()
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "NAME", "KEY", "CREATED"}}
			for _, k := range list {
				t.add(k.ID, oneLine(k.Name), k.Last4, a.style.when(k.CreatedAt))
			}
			return printList(a, list, func(k vault.Key) string { return k.ID }, t, "no API keys; make one with: voxparse keys add NAME")
		},
	}
}

// keyNames is what completion offers; it makes nothing where there is nothing.
func (a *app) keyNames() []string {
	cfg, err := a.settings()
	if err != nil {
		return nil
	}
	if _, err := os.Stat(cfg.DataDir); err != nil {
		return nil
	}
	keys, err := vault.OpenKeys(cfg.DataDir)
	if err != nil {
		return nil
	}
	list, err := keys.List()
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(list))
	for _, k := range list {
		names = append(names, k.Name+"\t"+k.ID)
	}
	return names
}

func keysRmCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID|NAME…", Aliases: []string{"delete", "remove", "revoke"}, Short: "Revoke API keys, at once", Args: args("ID…"), Example: "  voxparse keys rm ci",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.keyNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, got []string) error {
			keys, err := a.keys()
			if err != nil {
				return err
			}
			return a.each(got, func(id string) error {
				k, err := keys.Revoke(id)
				if err != nil {
					return err
				}
				return a.removed(k.ID, len(got) > 1)
			})
		},
	}
}
