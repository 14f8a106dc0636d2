package jobs_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/store"
)

// statuses are jobs that are known by their status alone.
type statuses map[string]api.JobStatus

func (s statuses) Job(_ context.Context, id string) (store.Job, error) {
	status, ok := s[id]
	if !ok {
		return store.Job{}, api.Errorf(api.NotFound, "there is no job %s", id)
	}
	return store.Job{ID: id, Status: status}, nil
}

// TestCopies_ofUnknownJobsStayAsLongAsJobsAreKept: the store may be an older one.
func TestCopies_ofUnknownJobsStayAsLongAsJobsAreKept(t *testing.T) {
	c := &jobs.Copies{Dir: t.TempDir(), Keep: time.Hour, Jobs: statuses{"job_interrupted": api.Interrupted}, Logger: slog.New(slog.DiscardHandler)}
	of := func(age time.Duration) string {
		return store.FormatID(api.JobPrefix, store.NewUID(time.Now().Add(-age)))
	}
	recent, old := of(time.Minute), of(2*time.Hour)
	for _, name := range []string{c.Path(recent), c.Path(recent) + ".7.part", c.Path(old), c.Path("job_interrupted")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Sweep(t.Context()); n != 2 {
		t.Errorf("got %d files removed, want the old one and the part", n)
	}
	for _, id := range []string{recent, "job_interrupted"} {
		if _, err := os.Stat(c.Path(id)); err != nil {
			t.Errorf("got %v, want the copy of %s kept", err, id)
		}
	}
}

func TestCopies_Sweep(t *testing.T) {
	known := statuses{"job_done": api.Completed, "job_failed": api.Failed, "job_runs": api.Processing}
	c := &jobs.Copies{Dir: t.TempDir(), Jobs: known, Logger: slog.New(slog.DiscardHandler)}
	for _, name := range []string{
		c.Path("job_done"), c.Path("job_done") + ".7.part", c.Path("job_failed"), c.Path("job_gone"), c.Path("stray"), c.Path("job_runs") + ".8.part",
	} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Sweep(t.Context()); n != 4 {
		t.Errorf("got %d files removed, want 4", n)
	}
	left, err := os.ReadDir(c.Dir)
	if err != nil || len(left) != 2 || left[0].Name() != "job_done.wav" || left[1].Name() != "job_runs.wav.8.part" {
		t.Errorf("got %v, %v left, want that of the completed job and that of the one that runs", left, err)
	}
	c.Remove("job_done")
	c.Remove("job_done") // it is gone already
	if _, err := os.Stat(c.Path("job_done")); !os.IsNotExist(err) {
		t.Errorf("got %v, want the copy gone", err)
	}
	c.Dir = c.Path("missing")
	if n := c.Sweep(t.Context()); n != 0 {
		t.Errorf("got %d files removed from a folder that is not there", n)
	}
}
