package storetest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Run runs the suite against a backend. Each test runs in a bubble of
// testing/synctest: time stands still unless the test lets it pass.
func Run(t *testing.T, b Backend) {
	tests := []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"submitting twice makes one job", submitTwice},
		{"one dedupe key is one job", dedupeKey},
		{"claims go by due time", claimOrder},
		{"a completed job tells its webhooks once", completeOnce},
		{"a stale token is refused", staleToken},
		{"a repeat with the same token is nil", repeatedToken},
		{"an expired lease is anybody's and charged", expiredLease},
		{"past the attempt limit a job fails with its event", exhausted},
		{"extending keeps the lease and the token", extended},
		{"a release is not charged", released},
		{"a retry at a time waits for it", retryAt},
		{"recovery is not charged", recovered},
		{"cancelling takes the job from its worker", cancelled},
		{"a job tried again makes a new event", triedAgain},
		{"only terminal jobs are deleted, with all of theirs", deleted},
		{"pages by offset", pages},
		{"pages by cursor have what does not change once", cursorPages},
		{"jobs are found by time, name and metadata", foundJobs},
		{"the job that is queued for longest", oldestQueued},
		{"events come in order", eventsInOrder},
		{"the status survives a reopen", reopened},
		{"a cancelled context changes nothing", cancelledContext},
	}
	runAll(t, b, tests)
	runAll(t, b, deliveryTests)
	runAll(t, b, fileTests)
	runAll(t, b, contractTests)
	runAll(t, b, awaitTests)
	runAll(t, b, clockTests)
}

func runAll(t *testing.T, b Backend, tests []struct {
	name string
	run  func(*testing.T, Backend)
}) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.run(t, b) })
		})
	}
}

// must ends the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t *testing.T, what string, err error, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// submit makes a queued job.
func submit(t *testing.T, s store.Store, j store.Job) store.Job {
	t.Helper()
	if j.ID == "" {
		j.ID = store.NewID(api.JobPrefix)
	}
	j, created, err := s.Submit(t.Context(), j)
	if err != nil || !created {
		t.Fatalf("submit: got created %v, error %v", created, err)
	}
	return j
}

// claim claims one job of the commands.
func claim(t *testing.T, s store.Store, owner string, ttl time.Duration) store.Job {
	t.Helper()
	js := must[[]store.Job](t)(s.Claim(t.Context(), store.QueueCommands, owner, ttl, 1))
	if len(js) != 1 {
		t.Fatalf("claim by %s: got %d jobs, want 1", owner, len(js))
	}
	return js[0]
}

func claimNone(t *testing.T, s store.Store) {
	t.Helper()
	if js := must[[]store.Job](t)(s.Claim(t.Context(), store.QueueCommands, "nobody", time.Minute, 5)); len(js) != 0 {
		t.Fatalf("claim: got %d jobs, want none", len(js))
	}
}
