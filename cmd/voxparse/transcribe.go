package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
)

const transcribeLong = `Transcribe audio files and print or write the transcripts.

FILE is a file, a folder (searched recursively), a quoted pattern such as
'calls/**/*.mp3', or - for standard input; hidden files are left out. Without
--async the command waits, shows progress, and prints the transcript; Ctrl-C
cancels the jobs that are still open. With --async it returns as soon as the
daemon has the audio on disk, and webhooks report the outcome.

Several files are printed one after the other, each below a line with its name;
with -o they are written into a folder as NAME.txt. If some of them fail, the
exit code is 8. Existing files are not overwritten without --overwrite; with
--skip-existing an interrupted run continues where it stopped.`

const transcribeExample = `  voxparse transcribe call.mp3
  voxparse transcribe call.mp3 -o call.srt
  voxparse transcribe interviews/ -f srt,txt -o transcripts/ --skip-existing
  ffmpeg -i film.mkv -f wav - | voxparse transcribe - --name film.wav --json
  voxparse transcribe call.mp3 --async --metadata ticket_id=T-1234 --metadata agent=jane`

// transcribeFlags are the flags of transcribe.
type transcribeFlags struct {
	options optionFlags
	api.Options
	Async    bool     `json:"async"`
	Formats  []string `json:"formats"`
	Metadata []string `json:"metadata"`
	Webhooks []string `json:"webhooks"`
	out      string
	key      string
	name     string
	timeout  string
	existing existing
}

func transcribeCmd(a *app) *cobra.Command {
	f := &transcribeFlags{}
	f.options.into = f
	c := &cobra.Command{
		Use:     "transcribe FILE|DIR|GLOB|-…",
		Short:   "Transcribe audio files",
		Long:    transcribeLong,
		Example: transcribeExample,
		Args:    args("FILE…"),
		RunE: func(c *cobra.Command, got []string) error {
			for _, name := range []string{"idempotency-key", "webhook", "name"} {
				if g := c.Flags().Lookup(name); g.Changed && strings.Trim(g.Value.String(), "[]") == "" {
					return usagef("--%s is empty; is a variable not set?", name)
				}
			}
			return a.transcribe(c.Context(), got, f)
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.out, "output", "o", "", "`FILE` to write, or folder for several, or - for stdout")
	fl.BoolVar(&f.existing.overwrite, "overwrite", false, "overwrite existing files")
	fl.BoolVar(&f.existing.skip, "skip-existing", false, "skip audio whose transcripts exist")
	f.options.define(c, api.OnTranscribe)
	fl.StringVar(&f.timeout, "timeout", "", "wait at most this `DURATION`, such as 10m; the jobs continue")
	fl.StringVar(&f.key, "idempotency-key", "", "a repeat with the same `KEY` finds the same job")
	fl.StringVar(&f.name, "name", "stdin", "file `NAME` of the audio on stdin")
	completeBy(c, "webhook", a.completeWebhooks())
	completeBy(c, "model", completeModels)
	return c
}

// transcribe checks everything that it can before it sends anything.
func (a *app) transcribe(ctx context.Context, got []string, f *transcribeFlags) error {
	if err := f.options.check(); err != nil {
		return err
	}
	meta, err := metadata(f.Metadata)
	if err != nil {
		return err
	}
	inputs, err := expand(got, f.name)
	if err != nil {
		return err
	}
	if f.key != "" && len(inputs) > 1 {
		return usagef("--idempotency-key names one job, and here are %d files", len(inputs))
	}
	if err := a.checkOutput(f); err != nil {
		return err
	}
	alone := len(got) == 1 && len(inputs) == 1 && (got[0] == "-" || inputs[0].path == got[0])
	targets, err := plan(inputs, f.Formats, f.out, alone)
	if err != nil {
		return err
	}
	f.existing.copies = f.RedactAudio
	all := len(inputs)
	if inputs, err = f.existing.spare(inputs, targets); err != nil {
		return err
	}
	if n := all - len(inputs); n > 0 {
		a.notice("skipped %s: transcribed already", plural(n, "file", "files"))
	}
	if len(inputs) == 0 {
		return nil
	}
	if in, ok := a.in.(*os.File); ok && inputs[0].path == "" && term.IsTerminal(int(in.Fd())) {
		a.notice("reading audio from the terminal; did you mean to pipe a file in?")
	}
	ctx, cancel, err := withTimeout(ctx, f.timeout)
	if err != nil {
		return err
	}
	defer cancel()
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	for i, id := range f.Webhooks {
		if f.Webhooks[i], err = webhookID(ctx, c, id); err != nil {
			return err
		}
	}
	b := &batch{a: a, c: c, flags: f, meta: meta, inputs: inputs, alone: alone, targets: targets, board: newBoard(a, len(inputs))}
	if f.Async {
		return b.submitAll(ctx)
	}
	return b.run(ctx)
}

// checkOutput refuses what would be ignored without a word.
func (a *app) checkOutput(f *transcribeFlags) error {
	stdout, formats := f.out == "" || f.out == "-", strings.Join(f.Formats, "")
	switch {
	case f.existing.overwrite && f.existing.skip:
		return usagef("--overwrite and --skip-existing exclude each other")
	case f.Async && (f.out != "" || formats != ""):
		return usagef("-o and -f need the transcript, and --async does not wait for it; see: voxparse jobs show --help")
	case f.Async && f.timeout != "":
		return usagef("--async does not wait, so that --timeout has no meaning; see: voxparse jobs wait --help")
	case a.json && stdout && formats != "" && formats != "json":
		return usagef("--json prints the whole result; for %s as well give -o FILE", formats)
	case a.quiet && !a.json && stdout && (f.out != "" || formats != ""):
		return usagef("-q prints the job's id in place of the transcript; give -o FILE, or omit -q")
	}
	return nil
}

// withTimeout bounds a wait; its end is api.TimedOut.
func withTimeout(ctx context.Context, s string) (context.Context, context.CancelFunc, error) {
	if s == "" {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	d, err := duration.Parse(s)
	if err != nil || d <= 0 {
		return nil, nil, usagef("--timeout %s: want a duration such as 90s or 10m", s)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d, api.Errorf(api.TimedOut, "not finished after %s; accepted jobs continue", duration.Format(d)))
	return ctx, cancel, nil
}

// submitAll uploads every input and returns.
func (b *batch) submitAll(ctx context.Context) error {
	failed := 0
	var first error
	for _, in := range b.inputs {
		it := b.board.begin(in.name, in.size)
		acc, err := b.submit(ctx, in, it)
		if err == nil {
			it.end(true, "")
			err = b.printAccepted(in, acc)
		} else {
			it.end(false, "")
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil || fatal(err) {
			return err
		}
		failed++
		if first == nil {
			first = err
		}
		if !b.alone {
			b.a.notice("%s", b.failure(in, err))
		}
	}
	b.next(ctx)
	return b.outcome(failed, first)
}

// next says after --async what one does with the ids, and that nobody is told
// where that is so.
func (b *batch) next(ctx context.Context) {
	switch len(b.accepted) {
	case 0:
		return
	case 1:
		b.a.notice("follow it: voxparse jobs watch %[1]s; its text: voxparse jobs show %[1]s -f txt", b.accepted[0])
	default:
		b.a.notice("follow them: voxparse jobs watch; their texts: voxparse jobs show ID -f txt")
	}
	if hooks, err := b.c.Webhooks(ctx); err == nil && len(hooks) == 0 {
		b.a.notice("no webhooks configured; add one with: voxparse webhooks add URL")
	}
}

func (b *batch) printAccepted(in input, acc api.Accepted) error {
	b.accepted = append(b.accepted, acc.JobID)
	switch {
	case b.a.json && b.alone:
		return b.a.printJSON(acc)
	case b.a.json:
		return b.a.printLine(struct {
			File string `json:"file"`
			api.Accepted
		}{in.rel, acc})
	case b.a.quiet:
		b.a.printf("%s\n", acc.JobID)
		return nil
	case b.a.style.tty:
		b.a.printf("%s %s\n", acc.JobID, b.a.style.faint.Render(oneLine(in.rel)))
		return nil
	}
	b.a.printf("%s\t%s\n", acc.JobID, oneLine(in.rel))
	return nil
}

// outcome is what became of one input.
type outcome struct {
	in     input
	jobID  string
	job    api.Job
	result *api.Result
	texts  [][]byte // one a target
	copy   string   // path of the silenced audio, "" where there is none
	took   time.Duration
	err    error
}

// outcomeLine is an outcome as a line of --json for several files.
type outcomeLine struct {
	File      string        `json:"file"`
	JobID     string        `json:"job_id,omitempty"`
	Status    api.JobStatus `json:"status"`
	Outputs   []string      `json:"outputs,omitempty"`
	Result    *api.Result   `json:"result,omitempty"`
	Error     string        `json:"error,omitempty"`
	ErrorCode string        `json:"error_code,omitempty"`
}

func (o outcome) line(targets []target) outcomeLine {
	l := outcomeLine{File: o.in.rel, JobID: o.jobID, Status: o.job.Status, Result: o.result}
	for _, t := range targets {
		if t.path != "" && o.err == nil {
			l.Outputs = append(l.Outputs, t.path)
		}
	}
	if o.copy != "" && o.err == nil {
		l.Outputs = append(l.Outputs, o.copy)
	}
	if o.err != nil {
		l.Error, l.ErrorCode = o.err.Error(), o.job.ErrorCode
		if l.Status == "" {
			l.Status = api.Failed
		}
	}
	return l
}

// jobError words the end of a job that did not complete; nil for one that did.
func jobError(j api.Job) error {
	switch j.Status {
	case api.Completed:
		return nil
	case api.Cancelled:
		return exitError{code: exitJob, err: fmt.Errorf("job %s was cancelled; voxparse jobs retry %s runs it again", j.ID, j.ID)}
	case api.Interrupted:
		return exitError{code: exitJob, err: fmt.Errorf("job %s had not ended in the backup that was restored; voxparse jobs retry %s runs it again", j.ID, j.ID)}
	case api.Failed:
		return exitError{code: exitJob, err: fmt.Errorf("%s: %s (%s, %s)", oneLine(j.Source.Name), strings.TrimSuffix(j.Error, "."), j.ErrorCode, j.ID)}
	}
	return api.Errorf(api.Internal, "job %s is %s, which is no end", j.ID, j.Status)
}
