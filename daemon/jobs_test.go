package daemon_test

import (
	"errors"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestCancelInterruptsARun(t *testing.T) {
	f := start(t, nil)
	id := f.submit("block")
	<-f.fake.begun
	job, err := f.client.CancelJob(t.Context(), id)
	if err != nil || job.Status != api.Cancelled {
		t.Fatalf("got %s, %v, want cancelled", job.Status, err)
	}
	until(t, "the end of the run", func() bool { return f.Running() == 0 })
	if _, err := f.client.CancelJob(t.Context(), f.finished("x")); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v for a completed job, want a conflict", err)
	}
	if err := f.client.DeleteJob(t.Context(), f.running(), true); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v for the deletion of a running job, want a conflict", err)
	}
	close(f.fake.release)
}

// finished submits a file and waits for the end of its job.
func (f *fixture) finished(text string) string {
	id := f.submit(text)
	f.wait(id)
	return id
}

// running submits a file that blocks and waits until it does.
func (f *fixture) running() string {
	f.t.Helper()
	id := f.submit("block")
	late := time.After(20 * time.Second)
	for {
		select {
		case begun := <-f.fake.begun:
			if begun == id {
				return id
			}
		case <-late:
			f.t.Fatalf("%s was not begun within 20 s", id)
		}
	}
}

func TestAFailedJobCanBeTriedAgain(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	r.register(f, nil)
	id := f.finished("fail " + api.JobDamaged)
	first := r.next()
	job, err := f.client.Job(t.Context(), id)
	if err != nil || job.Status != api.Failed || job.ErrorCode != api.JobDamaged || job.Error != "It cannot be done." || job.Attempts != 1 {
		t.Fatalf("got %+v, %v, want it failed as damaged in one attempt", job, err)
	}
	if _, err := f.client.RetryJob(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	second := r.next()
	if first.event.Type != api.EventFailed || second.event.Type != api.EventFailed || first.event.ID == second.event.ID {
		t.Errorf("got events %s %s and %s %s, want two failures with ids of their own", first.event.Type, first.event.ID, second.event.Type, second.event.ID)
	}
	f.wait(id)
	until(t, "the deletion, once what came of the deliveries is recorded,", func() bool {
		err := f.client.DeleteJob(t.Context(), id, false)
		if err != nil && !errors.Is(err, api.Conflict) {
			t.Fatal(err)
		}
		return err == nil
	})
	if _, err := f.client.Job(t.Context(), id); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v after the deletion, want not found", err)
	}
	if names := spooled(t, f); len(names) > 0 {
		t.Errorf("got %v left in the spool, want nothing", names)
	}
}

func TestOnlyChargedFailuresUseUpAttempts(t *testing.T) {
	tests := []struct {
		text     string
		status   api.JobStatus
		attempts int
	}{
		{"flaky " + api.JobModelMissing, api.Completed, 1},
		{"fail " + api.JobNoSpeech, api.Failed, 1},
		{"plain words", api.Completed, 1},
	}
	f := start(t, nil)
	for _, tt := range tests {
		job := f.wait(f.submit(tt.text))
		if job.Status != tt.status || job.Attempts != tt.attempts {
			t.Errorf("%s: got %s after %d attempts, want %s after %d", tt.text, job.Status, job.Attempts, tt.status, tt.attempts)
		}
	}
}

func TestAFileThatEndsWorkersIsTriedAgainLater(t *testing.T) {
	f := start(t, nil)
	id := f.submit("crash")
	until(t, "the first attempt's end", func() bool {
		job, err := f.client.Job(t.Context(), id)
		return err == nil && job.Status == api.Queued && job.Attempts == 1 && job.NextTryAt.After(time.Now())
	})
}
