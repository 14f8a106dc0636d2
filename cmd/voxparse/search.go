package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

func searchCmd(a *app) *cobra.Command {
	var r api.SearchRequest
	var since, until string
	c := &cobra.Command{
		Use: "search WORD…", Short: "Find transcripts by what was said", Args: args("WORD…"),
		Long: `Find transcripts in which all words were said, best first, with the times.
"Words in quotes" stand together; refund* begins so; dashwod~ may differ in a
letter or two, as names do that were misheard; -word must not be said (quote it,
or it is taken for a flag). Endings do not matter: refund finds refunds.`,
		Example: "  voxparse search refund --since 7d\n  voxparse search '\"cancel my order\"' --speaker caller\n  voxparse search 'refund -late'\n  voxparse search refund --json | jq '.items[].job_id'",
		RunE: func(c *cobra.Command, words []string) error {
			if r.Limit < 1 || r.Limit > api.MaxListLimit {
				return usagef("--limit is from 1 to %d", api.MaxListLimit)
			}
			if r.Offset < 0 {
				return usagef("--offset is 0 or more")
			}
			r.Words = strings.Join(words, " ")
			var err, err2 error
			r.Since, err = parseSince(since)
			r.Until, err2 = parseSince(until)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hits, err := cl.SearchIndexed(c.Context(), r, func(message string) { a.notice("%s", message) })
			if err != nil {
				return err
			}
			return a.printHits(hits)
		},
	}
	c.Flags().IntVarP(&r.Limit, "limit", "n", api.DefaultListLimit, "`N` transcripts at most")
	c.Flags().IntVar(&r.Offset, "offset", 0, "pass over `N` transcripts")
	c.Flags().StringVar(&r.Speaker, "speaker", "", "only what this `SPEAKER` said")
	c.Flags().StringVar(&since, "since", "", "finished since this `TIME`: a duration back (24h, 7d), a date (2026-05-03) or RFC 3339")
	c.Flags().StringVar(&until, "until", "", "finished before this `TIME`")
	return c
}

// printHits writes a row for each place where it was said; for a person the
// places below their transcript, with the words marked.
func (a *app) printHits(hits []api.SearchHit) error {
	if a.style.tty && !a.json && !a.quiet && len(hits) > 0 {
		_, err := io.WriteString(a.out, a.hitsForAPerson(hits))
		return err
	}
	t := table{head: []string{"JOB", "FILE", "TIME", "SPEAKER", "SAID"}}
	for _, h := range hits {
		for _, s := range h.Snippets {
			t.add(h.JobID, oneLine(h.Source.Name), clock(s.Start), oneLine(s.Speaker), oneLine(s.Text))
		}
	}
	return printList(a, hits, func(h api.SearchHit) string { return h.JobID }, t, "nothing found")
}

func (a *app) hitsForAPerson(hits []api.SearchHit) string {
	var b strings.Builder
	for i, h := range hits {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s %s\n", a.style.bold.Render(oneLine(h.Source.Name)), a.style.faint.Render(h.JobID+", "+a.style.when(h.FinishedAt)))
		for _, s := range h.Snippets {
			who := ""
			if s.Speaker != "" {
				who = oneLine(s.Speaker) + ": "
			}
			fmt.Fprintf(&b, "%8s  %s%s\n", clock(s.Start), who, a.marked(s))
		}
	}
	return b.String()
}

// marked is the text of a snippet with its matches in bold.
func (a *app) marked(s api.SearchSnippet) string {
	var b strings.Builder
	at := 0
	for _, m := range s.Matches {
		if m[0] < at || m[1] < m[0] || m[1] > len(s.Text) {
			continue // not of a daemon of this version
		}
		b.WriteString(clean(s.Text[at:m[0]]))
		b.WriteString(a.style.accent.Bold(true).Render(clean(s.Text[m[0]:m[1]])))
		at = m[1]
	}
	b.WriteString(clean(s.Text[at:]))
	return b.String()
}
