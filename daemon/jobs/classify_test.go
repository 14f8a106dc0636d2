package jobs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name             string
		err              error
		code             string
		transient, retry bool
	}{
		{"of the engine, for good", &engine.Error{Code: api.JobDamaged}, api.JobDamaged, false, false},
		{"of the engine, for now", fmt.Errorf("run: %w", &engine.Error{Code: api.JobModelMissing, Transient: true}), api.JobModelMissing, true, false},
		{"of a worker", &engine.Error{Code: api.JobEngineCrashed, Retry: true}, api.JobEngineCrashed, false, true},
		{"the store has no space", api.Errorf(api.Unavailable, "no space"), api.JobInternal, true, false},
		{"anything else", errors.New("boom"), api.JobInternal, false, true},
	} {
		got := classify(c.err)
		if got.why.Code != c.code || got.transient != c.transient || got.retry != c.retry {
			t.Errorf("%s: got %+v, want %s, transient %v, retry %v", c.name, got, c.code, c.transient, c.retry)
		}
	}
}

func TestClass_waitsKeepWhatWasAsked(t *testing.T) {
	for _, least := range []time.Duration{time.Millisecond, time.Minute, time.Hour} {
		c := class{least: least}
		if got := c.wait(); got < least || got > 2*least {
			t.Errorf("wait: got %v, want %v or a bit more", got, least)
		}
		if got := c.backoff(1); got < least || got > max(2*least, 3*time.Second) {
			t.Errorf("backoff: got %v, want %v or a bit more", got, least)
		}
	}
	if got := (class{}).wait(); got < transientWait*8/10-1 || got > transientWait*12/10+1 {
		t.Errorf("wait: got %v, want about %v", got, transientWait)
	}
}

func TestBackoff_remoteAttemptsSpanAnOutageOfTwoHours(t *testing.T) {
	c := class{why: store.JobError{Code: api.JobRemote}}
	total, rounds := time.Duration(0), 100
	for range rounds {
		for attempt := 1; attempt < remoteAttempts; attempt++ {
			total += c.backoff(attempt)
		}
	}
	if mean := total / time.Duration(rounds); mean < 115*time.Minute || mean > 3*time.Hour {
		t.Errorf("got waits of %v in all, want about two hours", mean)
	}
}
