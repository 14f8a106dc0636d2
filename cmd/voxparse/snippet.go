package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/webhook"
)

func webhooksSnippetCmd(a *app) *cobra.Command {
	var lang string
	var p webhook.SnippetParams
	c := &cobra.Command{
		Use: "snippet", Short: "Print a receiver that verifies signatures, ready to run", Args: args(),
		Example: "  voxparse webhooks snippet --lang python > receiver.py",
		RunE: func(*cobra.Command, []string) error {
			code, err := webhook.Snippet(lang, p)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"lang": lang, "code": code})
			}
			return a.printText(code)
		},
	}
	c.Flags().StringVar(&lang, "lang", "curl", "`LANGUAGE`: "+strings.Join(webhook.SnippetLangs(), ", "))
	c.Flags().StringVar(&p.SecretEnv, "secret-env", "", "`VARIABLE` that holds the secret (default VOXPARSE_WEBHOOK_SECRET)")
	c.Flags().IntVar(&p.Port, "port", 0, "`PORT` to listen on (default 3000)")
	c.Flags().StringVar(&p.Path, "path", "", "`PATH` of the webhook's URL (default /hook)")
	complete(c, "lang", webhook.SnippetLangs()...)
	return c
}
