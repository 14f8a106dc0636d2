package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

func searchCmd(a *app) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "search WORD…", Short: "Find transcripts by what was said", Args: args("WORD…"),
		Long: `Find transcripts in which all words were said, best first, with the times.
"Words in quotes" stand together; refund* begins so; -word must not be said.
Endings do not matter: refund finds refunds.`,
		Example: "  voxparse search refund\n  voxparse search '\"cancel my order\"'\n  voxparse search refund --json | jq '.items[].job_id'",
		RunE: func(c *cobra.Command, words []string) error {
			if limit < 1 || limit > api.MaxListLimit {
				return usagef("--limit is from 1 to %d", api.MaxListLimit)
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hits, err := cl.Search(c.Context(), strings.Join(words, " "), limit)
			if err != nil {
				return err
			}
			return a.printHits(hits)
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", api.DefaultListLimit, "how many transcripts at most")
	return c
}

// printHits writes a row for each place where it was said.
func (a *app) printHits(hits []api.SearchHit) error {
	t := table{head: []string{"JOB", "FILE", "TIME", "SPEAKER", "SAID"}}
	for _, h := range hits {
		for _, s := range h.Snippets {
			t.add(h.JobID, a.style.cut(h.Source.Name, 30), clock(s.Start), oneLine(s.Speaker), oneLine(s.Text))
		}
	}
	return printList(a, hits, func(h api.SearchHit) string { return h.JobID }, t, "nothing found")
}
