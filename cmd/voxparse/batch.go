package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// inFlight is how many files of a batch are with the daemon at a time: enough
// that it never runs dry, few enough that a thousand files do not fill its
// spool.
const inFlight = 8

// batch is one run of transcribe.
type batch struct {
	a       *app
	c       *client.Client
	flags   *transcribeFlags
	meta    json.RawMessage
	inputs  []input
	alone   bool // one file that was named itself: no batch, though it be of one
	targets map[string][]target
	board   *board

	accepted []string // ids, of --async

	mu   sync.Mutex
	open map[string]bool // jobs that have not ended
}

// submit uploads one input, and waits out a restart of the daemon. A key of our
// own makes a repeat after a broken connection harmless.
func (b *batch) submit(ctx context.Context, in input, it *item) (api.Accepted, error) {
	key := b.flags.key
	if key == "" {
		key = "cli-" + rand.Text()
	}
	u := client.Upload{
		Name: in.name, Size: in.size, Options: b.flags.Options, Metadata: b.meta, WebhookIDs: b.flags.Webhooks,
		IdempotencyKey: key, Sent: it.uploaded,
		Open: func() (io.ReadCloser, error) { return in.open(b.a.in) },
	}
	for tried := false; ; tried = true {
		acc, err := b.c.Submit(ctx, u)
		if !errors.Is(err, api.Unavailable) || in.size < 0 { // what came by a pipe is gone
			return acc, err
		}
		if restarted, werr := b.a.awaitRestart(ctx, b.c); werr != nil || !restarted && tried {
			return acc, firstOf(werr, err)
		}
	}
}

// run transcribes every input, a few at a time, and prints in order.
func (b *batch) run(ctx context.Context) error {
	b.open = map[string]bool{}
	defer b.board.close()
	slots := make(chan struct{}, inFlight)
	results := make([]chan outcome, len(b.inputs))
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	for i := range results {
		results[i] = make(chan outcome, 1)
	}
	wg.Go(func() {
		for i, in := range b.inputs {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				results[i] <- outcome{in: in, err: context.Cause(ctx)}
				continue
			}
			wg.Go(func() {
				o := b.one(ctx, in)
				<-slots
				if fatal(o.err) {
					abort(o.err)
				}
				results[i] <- o
			})
		}
	})
	failed, first := 0, error(nil)
	for i := range results {
		o := <-results[i]
		err := o.err
		if err == nil || ctx.Err() == nil {
			err = b.board.print(func() error { return b.deliver(o) })
		}
		if err != nil {
			failed++
			first = firstOf(first, err)
		}
	}
	if ctx.Err() != nil {
		return b.part(ctx)
	}
	return b.outcome(failed, first)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// one takes one input from upload to transcript.
func (b *batch) one(ctx context.Context, in input) (o outcome) {
	o.in = in
	began := time.Now()
	it := b.board.begin(in.name, in.size)
	defer func() {
		o.took = time.Since(began)
		line := ""
		if o.err == nil {
			line = b.success(o)
		}
		it.end(o.err == nil, line)
	}()
	acc, err := b.submit(ctx, in, it)
	if err != nil {
		o.err = err
		return o
	}
	o.jobID = acc.JobID
	b.track(acc.JobID, true)
	o.job, o.err = b.c.WaitJob(ctx, acc.JobID, func(e api.JobEvent) { it.update(e.Job) })
	if o.err != nil {
		return o
	}
	b.track(acc.JobID, false)
	if o.err = jobError(o.job); o.err != nil {
		return o
	}
	b.collect(ctx, &o)
	return o
}

// collect fetches the transcript in every form that is wanted.
func (b *batch) collect(ctx context.Context, o *outcome) {
	if o.result, o.err = b.c.Result(ctx, o.jobID); o.err != nil {
		return
	}
	for _, t := range b.targets[o.in.path] {
		if t.path == "" && (b.a.json || b.a.quiet) {
			o.texts = append(o.texts, nil)
			continue
		}
		text, err := b.c.Formatted(ctx, o.jobID, t.format)
		if err != nil {
			o.err = err
			return
		}
		o.texts = append(o.texts, text)
	}
	if t := b.targets[o.in.path][0]; b.flags.RedactAudio && t.path != "" {
		o.copy = t.copyPath()
		if b.flags.existing.skip && (target{path: o.copy}).exists() {
			return
		}
		o.err = fillFile(o.copy, 0o644, func(w io.Writer) error { return b.c.Audio(ctx, o.jobID, w) })
	}
}

// deliver writes what became of an input: its files, its JSON or its text.
func (b *batch) deliver(o outcome) error {
	targets := b.targets[o.in.path]
	for i, t := range targets {
		if o.err == nil && t.path != "" {
			o.err = writeFile(t.path, o.texts[i], 0o644)
			if o.err != nil {
				o.err = fmt.Errorf("%w; the transcript is kept: voxparse jobs show %s -f %s", o.err, o.jobID, t.format)
			}
		}
	}
	if o.err == nil && b.flags.RedactAudio && o.copy == "" && !b.a.json {
		b.a.notice("silenced audio: voxparse jobs audio %s -o FILE", o.jobID)
	}
	b.tellNotices(o)
	several := !b.alone
	switch {
	case b.a.json && several:
		return errors.Join(b.a.printLine(o.line(targets)), o.err)
	case o.err != nil && several:
		b.a.notice("%s", b.failure(o.in, o.err))
		return o.err
	case o.err != nil:
		return o.err
	case b.a.json:
		return b.a.printJSON(o.result)
	case b.a.quiet:
		b.a.printf("%s\n", o.jobID)
		return nil
	case targets[0].path != "":
		return nil
	}
	if several {
		b.a.printf("%s\n", b.a.style.bold.Render("==> "+oneLine(o.in.rel)+" <=="))
	}
	return b.a.printText(string(o.texts[0]))
}

// tellNotices prints what the engine has to say about a recording.
func (b *batch) tellNotices(o outcome) {
	if o.err != nil || o.result == nil {
		return
	}
	for _, n := range o.result.Notices {
		b.a.notice("%s: %s", oneLine(o.in.rel), oneLine(n.Message))
	}
}

// success is the line that a finished file leaves.
func (b *batch) success(o outcome) string {
	st := b.a.errStyle
	line := fmt.Sprintf("%s %s  %s of audio in %s", st.good.Render("✓"), oneLine(o.in.rel), clock(o.result.DurationSeconds), shortDuration(o.took))
	if s := o.took.Seconds(); s > 0 && o.result.DurationSeconds > s {
		line += fmt.Sprintf(" (%.0fx)", o.result.DurationSeconds/s)
	}
	return line + "  " + st.faint.Render(o.jobID)
}

func (b *batch) failure(in input, err error) string {
	why := strings.TrimPrefix(strings.TrimPrefix(oneLine(err.Error()), oneLine(in.name)), ": ")
	return b.a.errStyle.bad.Render("✗") + " " + oneLine(in.rel) + ": " + strings.TrimSpace(why)
}

// outcome turns the count of failures into the error of the run. A lone file's
// error is told by itself.
func (b *batch) outcome(failed int, first error) error {
	n := len(b.inputs)
	switch {
	case failed == 0:
		return nil
	case b.alone:
		return first
	case failed == n:
		return exitError{code: exitCode(first), err: fmt.Errorf("%d of %d files failed", n, n)}
	}
	return exitError{code: exitPartly, err: fmt.Errorf("%d of %d files failed", failed, n)}
}

// fatal reports an error that the other files of a batch would meet too.
func fatal(err error) bool {
	return errors.Is(err, client.ErrUnreachable) || errors.Is(err, api.Unauthorized)
}

func (b *batch) track(id string, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open {
		b.open[id] = true
	} else {
		delete(b.open, id)
	}
}

// part ends a run before its time. Ctrl-C and SIGTERM cancel the jobs that have
// not ended; a timeout and the loss of the terminal leave them.
func (b *batch) part(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.board.close()
	p := parting{err: context.Cause(ctx)}
	var sig signaled
	if !errors.As(p.err, &sig) || sig.sig == syscall.SIGHUP {
		for id := range b.open {
			p.left = append(p.left, fmt.Sprintf("job %s continues; wait for it with: voxparse jobs wait %s", id, id))
		}
		return p
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for id := range b.open {
		if _, err := b.c.CancelJob(ctx, id); err != nil && !errors.Is(err, api.Conflict) {
			p.left = append(p.left, fmt.Sprintf("job %s could not be cancelled: %v", id, err))
			continue
		}
		p.left = append(p.left, fmt.Sprintf("cancelled %s; voxparse jobs retry %s runs it again", id, id))
	}
	slices.Sort(p.left)
	return p
}
