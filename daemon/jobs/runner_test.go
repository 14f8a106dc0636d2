package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store/boltstore"
)

// start runs a runner over a fresh store until the test ends, with one job.
func start(t *testing.T, work transcriber) (*jobs.Runner, *boltstore.DB, news, string) {
	t.Helper()
	f := newFixture(t, work, nil)
	return f.Runner, f.db, f.news, f.submit(api.Options{})
}

func TestRunner_commitsAResult(t *testing.T) {
	r, db, n, id := start(t, func(context.Context) (*api.Result, error) {
		return &api.Result{DurationSeconds: 1, Text: "hello", Segments: []api.Segment{{End: 1, Text: "hello"}}}, nil
	})
	n.until(t, api.Completed)
	if result, err := db.Result(t.Context(), id); err != nil || !bytes.Contains(result, []byte("ello")) {
		t.Errorf("got %s, %v, want the result", result, err)
	}
	if err := r.Check(t.Context()); err != nil {
		t.Errorf("got %v, want a loop that goes on", err)
	}
}

func TestRunner_failsForGood(t *testing.T) {
	_, _, n, _ := start(t, func(context.Context) (*api.Result, error) {
		return nil, &engine.Error{Code: api.JobDamaged, Message: "It is damaged."}
	})
	if job := n.until(t, api.Failed); job.ErrorCode != api.JobDamaged || job.Error != "It is damaged." {
		t.Errorf("got %s %q, want damaged", job.ErrorCode, job.Error)
	}
}

func TestRunner_triesAgainUncharged(t *testing.T) {
	tries := 0
	_, _, n, _ := start(t, func(context.Context) (*api.Result, error) {
		if tries++; tries == 1 {
			return nil, &engine.Error{Code: api.JobInternal, Message: "Not now.", Transient: true, RetryAfter: time.Millisecond}
		}
		return &api.Result{DurationSeconds: 1, Text: "hello"}, nil
	})
	if job := n.until(t, api.Completed); job.Attempts > 1 {
		t.Errorf("got %d attempts, want the first uncharged", job.Attempts)
	}
}

func TestRunner_Cancel(t *testing.T) {
	begun := make(chan struct{})
	interrupted := make(chan error, 1)
	r, db, _, id := start(t, func(ctx context.Context) (*api.Result, error) {
		close(begun)
		<-ctx.Done()
		interrupted <- context.Cause(ctx)
		return nil, context.Cause(ctx)
	})
	<-begun
	if running := r.Running(); r.Count() != 1 || len(running) != 1 || running[0].Progress == nil || running[0].Progress.Percent != 50 {
		t.Errorf("got %+v, want one job at half", running)
	}
	if _, err := db.Cancel(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	r.Cancel(id)
	if err := <-interrupted; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the reason", err)
	}
}
