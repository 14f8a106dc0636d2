package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

func jobsWaitCmd(a *app) *cobra.Command {
	var timeout string
	c := &cobra.Command{
		Use: "wait ID…", Short: "Wait until jobs have ended", Args: args("ID…"), ValidArgsFunction: a.completeJobs(),
		Long:    "Wait until jobs have ended. Exit 0 when all completed, 3 when one failed or was cancelled, 9 when --timeout passed; the jobs continue.",
		Example: "  voxparse jobs wait job_01k… --timeout 10m && voxparse jobs show job_01k… -f txt",
		RunE: func(c *cobra.Command, got []string) error {
			ctx, cancel, err := withTimeout(c.Context(), timeout)
			if err != nil {
				return err
			}
			defer cancel()
			cl, err := a.connect(ctx)
			if err != nil {
				return err
			}
			return a.follow(ctx, cl, got, false)
		},
	}
	c.Flags().StringVar(&timeout, "timeout", "", "wait at most this `DURATION`, such as 90s or 10m")
	return c
}

func jobsWatchCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "watch [ID…]", Short: "Follow jobs live until they have ended", ValidArgsFunction: a.completeJobs(),
		Long:    "Follow jobs live until they have ended; without IDs, all that are open now. With --json every event is one line.",
		Example: "  voxparse jobs watch\n  voxparse jobs watch job_01k… --json",
		RunE: func(c *cobra.Command, got []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if len(got) == 0 {
				if got, err = openJobs(c.Context(), cl); err != nil {
					return err
				}
				if len(got) == 0 {
					a.notice("no job is open")
					return nil
				}
			}
			return a.follow(c.Context(), cl, got, true)
		},
	}
}

// follower follows several jobs to their ends.
type follower struct {
	a      *app
	c      *client.Client
	board  *board
	events bool // print every event, not only the end
	many   bool
}

// follow waits for every job and prints each end as it comes.
func (a *app) follow(ctx context.Context, c *client.Client, ids []string, events bool) error {
	f := &follower{a: a, c: c, board: newBoard(a, len(ids)), events: events, many: len(ids) > 1}
	defer f.board.close()
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32) // streams at a time
	for i, id := range ids {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = f.one(ctx, id)
		})
	}
	wg.Wait()
	f.board.close()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return worst(errs)
}

// worst picks the error that decides the exit code: one that is not the end of
// a job first, since a job's failure has been told already.
func worst(errs []error) error {
	var job error
	for _, err := range errs {
		var own exitError
		if err != nil && !errors.As(err, &own) {
			return err
		}
		job = firstOf(job, err)
	}
	return job
}

func (f *follower) one(ctx context.Context, id string) error {
	id, err := jobID(ctx, f.c, id)
	if err != nil {
		return err
	}
	j, err := f.c.Job(ctx, id)
	if err != nil {
		return err
	}
	it := f.board.begin(j.Source.Name, 0)
	status := api.JobStatus("")
	var printed error
	j, err = f.c.WaitJob(ctx, id, func(e api.JobEvent) {
		it.update(e.Job)
		changed := e.Job.Status != status
		status = e.Job.Status
		if f.events && (f.a.json || (changed && !status.Terminal())) {
			printed = firstOf(printed, f.board.print(func() error { return f.event(e) }))
		}
	})
	it.end(err == nil && j.Status == api.Completed, "")
	if err = firstOf(err, printed); err != nil {
		return err
	}
	if !f.events || !f.a.json {
		if err := f.board.print(func() error { return f.end(j) }); err != nil {
			return err
		}
	}
	failed := jobError(j)
	if failed == nil || !f.many {
		return failed
	}
	f.a.notice("%s", oneLine(failed.Error()))
	return exitError{code: exitJob, err: failed, silent: true}
}

func (f *follower) event(e api.JobEvent) error {
	if f.a.json {
		return f.a.printLine(e)
	}
	f.a.notice("%s %s %s", e.Job.ID, f.a.errStyle.jobStatus(e.Job.Status), oneLine(e.Job.Source.Name))
	return nil
}

// end prints the final state of a job.
func (f *follower) end(j api.Job) error {
	switch {
	case f.a.json && f.many:
		return f.a.printLine(j)
	case f.a.json:
		return f.a.printJSON(j)
	case f.a.quiet:
		f.a.printf("%s\n", j.ID)
		return nil
	}
	if f.a.style.tty {
		f.a.printf("%s %s %s\n", j.ID, f.a.style.jobStatus(j.Status), oneLine(j.Source.Name))
		return nil
	}
	_, err := fmt.Fprintf(f.a.out, "%s\t%s\t%s\n", j.ID, j.Status, oneLine(j.Source.Name))
	return err
}
