package main

import (
	"embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

//go:embed snippets
var snippets embed.FS

// snippetFiles are the receivers by language, in the order of the help.
var snippetFiles = []struct{ lang, file string }{
	{"curl", "curl.sh"}, {"node", "node.mjs"}, {"python", "python.py"}, {"go", "go.go.txt"},
}

func webhooksSnippetCmd(a *app) *cobra.Command {
	var lang string
	langs := make([]string, 0, len(snippetFiles))
	for _, s := range snippetFiles {
		langs = append(langs, s.lang)
	}
	c := &cobra.Command{
		Use: "snippet", Short: "Print a receiver that verifies signatures, ready to run", Args: args(),
		Example: "  voxparse webhooks snippet --lang python > receiver.py",
		RunE: func(*cobra.Command, []string) error {
			for _, s := range snippetFiles {
				if s.lang != lang {
					continue
				}
				data, err := snippets.ReadFile("snippets/" + s.file)
				if err != nil {
					return fmt.Errorf("read the snippet: %w", err)
				}
				if a.json {
					return a.printJSON(map[string]string{"lang": lang, "code": string(data)})
				}
				return a.printText(string(data))
			}
			msg := fmt.Sprintf("--lang %s: there are %s", lang, strings.Join(langs, ", "))
			if near := api.Nearest(lang, langs); near != "" {
				msg += "; did you mean " + near + "?"
			}
			return usageError{msg}
		},
	}
	c.Flags().StringVar(&lang, "lang", "curl", strings.Join(langs, ", "))
	complete(c, "lang", langs...)
	return c
}
