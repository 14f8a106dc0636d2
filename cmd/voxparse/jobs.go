package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/duration"
)

const jobsExample = `  voxparse jobs list --status failed
  voxparse jobs show last -f srt
  voxparse jobs wait job_01k… --timeout 10m
  voxparse jobs retry $(voxparse jobs list --status failed -q)`

func jobsCmd(a *app) *cobra.Command {
	return group("jobs", "List, follow and manage jobs", jobsExample,
		jobsListCmd(a), jobsShowCmd(a), jobsAudioCmd(a), jobsWaitCmd(a), jobsWatchCmd(a),
		jobsVerbCmd(a, "cancel ID…", "Cancel jobs that have not ended", "cancelled", openStatuses, (*client.Client).CancelJob),
		jobsVerbCmd(a, "retry ID…", "Run failed, cancelled or interrupted jobs again", "queued again", []api.JobStatus{api.Failed, api.Cancelled, api.Interrupted}, (*client.Client).RetryJob),
		jobsRmCmd(a))
}

func jobsListCmd(a *app) *cobra.Command {
	var limit int
	var status, since string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List jobs, newest first", Args: args(),
		Example: "  voxparse jobs list -n 50 --since 24h\n  voxparse jobs list --status processing --json",
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := parseFrom("since", since)
			if err != nil {
				return err
			}
			if limit < 1 {
				return usagef("--limit is at least 1")
			}
			if err := oneOf("status", status, api.JobStatuses...); err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			jobs, err := listJobs(c.Context(), cl, client.JobQuery{Status: api.JobStatus(status), Since: from}, limit)
			if err != nil {
				return err
			}
			return a.printJobs(jobs)
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", api.DefaultListLimit, "`N` jobs at most")
	c.Flags().StringVar(&status, "status", "", "only this `STATUS`: queued, processing, completed, failed, cancelled or interrupted")
	c.Flags().StringVar(&since, "since", "", "created since this `TIME`: a duration back (24h, 7d), a date (2026-05-03) or RFC 3339")
	complete(c, "status", api.JobStatuses...)
	return c
}

// listJobs pages through the listing until it has n jobs. Jobs that come in
// meanwhile shift the pages, so one that was seen is left out.
func listJobs(ctx context.Context, c *client.Client, q client.JobQuery, n int) ([]api.Job, error) {
	var out []api.Job
	seen := map[string]bool{}
	for len(out) < n {
		q.Limit = min(api.MaxListLimit, n-len(out))
		page, err := c.Jobs(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, j := range page {
			if !seen[j.ID] {
				seen[j.ID] = true
				out = append(out, j)
			}
		}
		if len(page) < q.Limit {
			break
		}
		q.Offset += len(page)
	}
	return out, nil
}

func (a *app) printJobs(jobs []api.Job) error {
	t := table{head: []string{"ID", "STATUS", "CREATED", "FILE", "NOTE"}}
	for _, j := range jobs {
		t.add(j.ID, a.style.jobStatus(j.Status), a.style.when(j.CreatedAt), oneLine(j.Source.Name), jobNote(j))
	}
	return printList(a, jobs, func(j api.Job) string { return j.ID }, t, "no jobs; make one with: voxparse transcribe FILE")
}

// jobNote is what matters most about a job besides its state.
func jobNote(j api.Job) string {
	switch {
	case j.Status == api.Failed:
		return oneLine(j.ErrorCode)
	case j.Waiting != "":
		return oneLine(j.Waiting)
	case j.Status == api.Processing && j.Progress != nil && j.Progress.DurationSeconds > 0:
		return fmt.Sprintf("%.0f%%", 100*j.Progress.PositionSeconds/j.Progress.DurationSeconds)
	case j.Status == api.Completed && !j.StartedAt.IsZero():
		return "took " + shortDuration(j.FinishedAt.Sub(j.StartedAt))
	}
	return ""
}

func jobsShowCmd(a *app) *cobra.Command {
	var format, out string
	var overwrite bool
	c := &cobra.Command{
		Use: "show ID", Aliases: []string{"get"}, Short: "Show a job, or its transcript", Args: args("ID"), ValidArgsFunction: a.completeJobs(),
		Long: `Show a job. With -f or -o, print or write its transcript instead. ID is a job's id,
its beginning, or "last" for the newest job.`,
		Example: "  voxparse jobs show last\n  voxparse jobs show job_01k… -f srt -o call.srt",
		RunE: func(c *cobra.Command, got []string) error {
			if (format != "" || out != "") && len(a.format.fields) > 0 {
				return usagef("--json=FIELDS chooses from a job; with -f or -o, use --jq")
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := jobID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			if format != "" || out != "" {
				return a.showTranscript(c.Context(), cl, id, format, out, overwrite)
			}
			j, err := cl.Job(c.Context(), id)
			if err != nil {
				return err
			}
			return printOne(a, j, j.ID, func() { a.showJob(j) })
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "transcript in this `FORMAT`: "+strings.Join(api.Formats, ", "))
	c.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write, or - for stdout")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "overwrite an existing file")
	complete(c, "format", api.Formats...)
	return c
}

// shownText is a transcript as jobs show --json prints it with -f or -o.
type shownText struct {
	JobID  string `json:"job_id"`
	Format string `json:"format"`
	Output string `json:"output,omitempty"` // the file it was written to
	Text   string `json:"text,omitempty"`
}

func (a *app) showTranscript(ctx context.Context, c *client.Client, id, format, out string, overwrite bool) error {
	var given []string
	if format != "" {
		given = []string{format}
	}
	formats, err := pickFormats(given, out)
	if err != nil {
		return err
	}
	t := target{format: formats[0]}
	if out != "-" {
		t.path = out
	}
	if err := t.refuse(overwrite); err != nil {
		return err
	}
	text, err := c.Formatted(ctx, id, t.format)
	if err != nil {
		return err
	}
	v := shownText{JobID: id, Format: t.format, Output: t.path}
	switch {
	case t.path != "":
		if err := writeFile(t.path, text, 0o644); err != nil || !a.json {
			return err
		}
	case !a.json:
		return a.printText(string(text))
	default:
		v.Text = string(text)
	}
	return a.printJSON(v)
}

func (a *app) showJob(j api.Job) {
	a.field("id", j.ID)
	a.field("status", a.style.jobStatus(j.Status))
	a.field("file", fmt.Sprintf("%s (%s)", oneLine(j.Source.Name), bytesText(j.Source.Size)))
	a.field("folder", oneLine(j.Source.Path))
	a.field("created", a.style.when(j.CreatedAt))
	if !j.FinishedAt.IsZero() {
		a.field("finished", a.style.when(j.FinishedAt))
	}
	if !j.NextTryAt.IsZero() {
		a.field("next try", a.style.when(j.NextTryAt))
	}
	if p := j.Progress; p != nil && !j.Status.Terminal() {
		a.field("progress", fmt.Sprintf("%s %s of %s", p.Stage, clock(p.PositionSeconds), clock(p.DurationSeconds)))
	}
	a.field("waiting", oneLine(j.Waiting))
	if j.Attempts > 1 {
		a.field("attempts", fmt.Sprint(j.Attempts))
	}
	a.field("model", j.Options.Model)
	a.field("language", j.Options.Language)
	a.field("metadata", clean(string(j.Metadata)))
	if j.Error != "" {
		a.field("error", a.style.bad.Render(oneLine(j.Error))+" ("+j.ErrorCode+")")
	}
	switch j.Status {
	case api.Completed:
		a.notice("transcript: voxparse jobs show %s -f txt", j.ID)
		if j.Options.RedactAudio {
			a.notice("silenced audio: voxparse jobs audio %s -o FILE", j.ID)
		}
	case api.Failed, api.Cancelled, api.Interrupted:
		a.notice("run it again: voxparse jobs retry %s", j.ID)
	}
}

// jobsVerbCmd is a command that does one thing to each job named. states are
// those of the jobs that completion offers.
func jobsVerbCmd(a *app, use, short, done string, states []api.JobStatus, act func(*client.Client, context.Context, string) (api.Job, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args("ID…"), ValidArgsFunction: a.completeJobs(states...),
		Example: "  voxparse jobs " + strings.TrimSuffix(use, " ID…") + " job_01k…",
		RunE: func(c *cobra.Command, got []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return a.each(got, func(id string) error {
				id, err := jobID(c.Context(), cl, id)
				if err != nil {
					return err
				}
				j, err := act(cl, c.Context(), id)
				if err != nil {
					return err
				}
				if a.json && len(got) > 1 {
					return a.printLine(j)
				}
				return printOne(a, j, j.ID, func() { a.printf("%s %s\n", j.ID, done) })
			})
		},
	}
}

func jobsRmCmd(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm ID…", Aliases: []string{"delete", "remove"}, Short: "Remove jobs that have ended, with their transcripts", Args: args("ID…"),
		ValidArgsFunction: a.completeJobs(api.Completed, api.Failed, api.Cancelled, api.Interrupted),
		Example:           "  voxparse jobs rm job_01k…\n  voxparse jobs rm $(voxparse jobs list --status cancelled -q)",
		RunE:              a.removeEach(jobID, func(cl *client.Client, ctx context.Context, id string) error { return cl.DeleteJob(ctx, id, force) }),
	}
	c.Flags().BoolVar(&force, "force", false, "also with deliveries that are not sent yet: they are dropped")
	return c
}

// removeEach removes everything named: find makes an id of what the user wrote.
func (a *app) removeEach(find func(context.Context, *client.Client, string) (string, error), remove func(*client.Client, context.Context, string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, got []string) error {
		cl, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		return a.each(got, func(name string) error {
			id, err := find(c.Context(), cl, name)
			if err != nil {
				return err
			}
			if err := remove(cl, c.Context(), id); err != nil {
				return err
			}
			return a.removed(id, len(got) > 1)
		})
	}
}

// removed says that id is gone.
func (a *app) removed(id string, several bool) error {
	v := struct {
		ID      string `json:"id"`
		Removed bool   `json:"removed"`
	}{id, true}
	if a.json && several {
		return a.printLine(v)
	}
	return printOne(a, v, id, func() { a.printf("%s removed\n", id) })
}

// each does f for every id and goes on after errors, as long as the daemon is
// there. Several ids of which some failed are exit 8.
func (a *app) each(ids []string, f func(id string) error) error {
	var errs []error
	for _, id := range ids {
		err := f(id)
		if err != nil && (len(ids) == 1 || fatal(err) || errors.Is(err, context.Canceled)) {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
	}
	switch {
	case len(errs) == 0:
		return nil
	case len(errs) == len(ids):
		return exitError{code: exitCode(errs[0]), err: errors.Join(errs...)}
	}
	return exitError{code: exitPartly, err: errors.Join(errs...)}
}

// parseFrom is parseSince for what has to lie behind us.
func parseFrom(flag, s string) (time.Time, error) {
	t, err := parseSince(s)
	if err == nil && t.After(time.Now()) {
		return t, usagef("--%s %s is in the future", flag, s)
	}
	return t, err
}

// parseSince reads a distance back from now, a date or a time.
func parseSince(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := duration.Parse(s); err == nil {
		return time.Now().Add(-d), nil
	}
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("%q is not a time: want a duration (24h, 7d), a date (2026-05-03) or RFC 3339", s)
}

// openStatuses are those of a job that has not ended.
var openStatuses = []api.JobStatus{api.Processing, api.Queued}

// openJobs lists the jobs that have not ended, oldest first.
func openJobs(ctx context.Context, c *client.Client) ([]string, error) {
	var ids []string
	for _, st := range openStatuses {
		jobs, err := listJobs(ctx, c, client.JobQuery{Status: st}, 1000)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			ids = append(ids, j.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
