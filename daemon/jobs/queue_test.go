package jobs_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

// queue is a store's, of which calls fail as it is told.
type queue struct {
	store.Queue
	claim, extend, complete, release, fail func() error // nil: the store is asked
}

func (q *queue) Claim(ctx context.Context, name, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	if q.claim != nil {
		if err := q.claim(); err != nil {
			return nil, err
		}
	}
	return q.Queue.Claim(ctx, name, owner, ttl, n)
}

func (q *queue) Extend(ctx context.Context, tok store.Token, ttl time.Duration, p api.Progress) error {
	if q.extend != nil {
		if err := q.extend(); err != nil {
			return err
		}
	}
	return q.Queue.Extend(ctx, tok, ttl, p)
}

func (q *queue) Complete(ctx context.Context, tok store.Token, result []byte, ev store.Event) (store.Job, error) {
	if q.complete != nil {
		if err := q.complete(); err != nil {
			return store.Job{}, err
		}
	}
	return q.Queue.Complete(ctx, tok, result, ev)
}

func (q *queue) Release(ctx context.Context, tok store.Token, due time.Time, waiting string) error {
	if q.release != nil {
		if err := q.release(); err != nil {
			return err
		}
	}
	return q.Queue.Release(ctx, tok, due, waiting)
}

func (q *queue) Fail(ctx context.Context, tok store.Token, why store.JobError, retryAt time.Time, ev store.Event) (store.Job, error) {
	if q.fail != nil {
		if err := q.fail(); err != nil {
			return store.Job{}, err
		}
	}
	return q.Queue.Fail(ctx, tok, why, retryAt, ev)
}

// times returns err so often, then nil.
func times(n int32, err error) func() error {
	var calls atomic.Int32
	return func() error {
		if calls.Add(1) <= n {
			return err
		}
		return nil
	}
}

// over has the runner use q over the store.
func over(q *queue) func(*jobs.Config) {
	return func(c *jobs.Config) { q.Queue, c.Queue = c.Queue, q }
}

func says(result *api.Result, err error) transcriber {
	return func(context.Context) (*api.Result, error) { return result, err }
}

func TestRunner_waitsForAStoreThatIsFull(t *testing.T) {
	full := api.Errorf(api.Unavailable, "no space left")
	for name, c := range map[string]*struct {
		queue queue
		work  transcriber
		want  api.JobStatus
	}{
		"to claim":    {queue{claim: times(3, full)}, says(hello(), nil), api.Completed},
		"to complete": {queue{complete: times(3, full)}, says(hello(), nil), api.Completed},
		"to fail":     {queue{fail: times(3, full)}, says(nil, &engine.Error{Code: api.JobDamaged}), api.Failed},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			f := newFixture(t, c.work, over(&c.queue))
			id := f.submit(api.Options{})
			waiting := ""
			job := f.news.wait(t, "ended", func(job api.Job) bool {
				waiting = max(waiting, job.Waiting)
				return job.Status.Terminal()
			})
			if took := time.Since(began); job.ID != id || job.Status != c.want || took < 5*time.Second || took > 10*time.Second {
				t.Errorf("%s: got %s after %v, want %s after waits of about 1, 2 and 4 s", name, job.Status, took, c.want)
			}
			if name != "to claim" && waiting == "" {
				t.Errorf("%s: got no word of what the job waits for", name)
			}
		})
	}
}

func TestRunner_aLeaseThatIsLostEndsTheRun(t *testing.T) {
	for name, c := range map[string]*struct {
		err   error
		least time.Duration
	}{
		"lost":                 {api.LeaseLost, 15 * time.Second},
		"gone":                 {api.NotFound, 15 * time.Second},
		"not renewed at first": {api.Unavailable, 35 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := &queue{extend: times(1, c.err)}
			if c.err == api.Unavailable {
				tries := 0
				q.extend = func() error {
					if tries++; tries == 1 {
						return api.Unavailable
					}
					return api.LeaseLost
				}
			}
			ended := make(chan time.Duration, 1)
			f := newFixture(t, transcriber(func(ctx context.Context) (*api.Result, error) {
				began := time.Now()
				<-ctx.Done()
				ended <- time.Since(began)
				return nil, context.Cause(ctx)
			}), over(q))
			id := f.submit(api.Options{})
			if took := <-ended; took < c.least || took > c.least+20*time.Second {
				t.Errorf("%s: got the run ended after %v, want after the lease could not be renewed", name, took)
			}
			f.stop()
			if job := f.job(id); job.Status != api.Processing {
				t.Errorf("%s: got the job %s, want it left to whoever has the lease", name, job.Status)
			}
		})
	}
}

func TestRunner_aStopReleasesWhatRuns(t *testing.T) {
	for name, c := range map[string]*struct {
		queue queue
		want  api.JobStatus
	}{
		"released":          {queue{}, api.Queued},
		"overtaken":         {queue{release: times(1, api.LeaseLost)}, api.Processing},
		"cannot be written": {queue{release: times(1, errors.New("boom"))}, api.Processing},
	} {
		begun := make(chan struct{})
		f := newFixture(t, transcriber(func(ctx context.Context) (*api.Result, error) {
			close(begun)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}), over(&c.queue))
		id := f.submit(api.Options{})
		<-begun
		f.stop()
		if job := f.job(id); job.Status != c.want || c.want == api.Queued && job.Attempts != 0 {
			t.Errorf("%s: got %s after %d attempts, want %s", name, job.Status, job.Attempts, c.want)
		}
	}
}

func TestRunner_whatIsOvertakenIsLeftAlone(t *testing.T) {
	for name, c := range map[string]*struct {
		queue queue
		work  transcriber
	}{
		"completed elsewhere": {queue{complete: times(9, api.LeaseLost)}, says(hello(), nil)},
		"failed elsewhere":    {queue{fail: times(9, api.NotFound)}, says(nil, &engine.Error{Code: api.JobDamaged})},
		"cannot be failed":    {queue{fail: times(9, errors.New("boom"))}, says(nil, &engine.Error{Code: api.JobDamaged})},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, c.work, over(&c.queue))
			id := f.submit(api.Options{})
			synctest.Wait()
			if job := f.job(id); f.Count() != 0 || job.Status != api.Processing {
				t.Errorf("%s: got %d runs and the job %s, want the run ended and the record left alone", name, f.Count(), job.Status)
			}
		})
	}
}

func TestRunner_triesAgainWhatMayEndOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := newFixture(t, transcriber(func(context.Context) (*api.Result, error) {
			if tries++; tries == 1 {
				return nil, &engine.Error{Code: api.JobEngineCrashed, Message: "It ended.", Retry: true}
			}
			return hello(), nil
		}), nil)
		began := time.Now()
		f.submit(api.Options{})
		if job := f.news.until(t, api.Completed); job.Attempts != 2 || time.Since(began) < time.Second {
			t.Errorf("got %d attempts in %v, want the second after about two seconds", job.Attempts, time.Since(began))
		}
	})
}

func TestRunner_foldersHaveTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := newFixture(t, transcriber(func(context.Context) (*api.Result, error) {
			<-release
			return hello(), nil
		}), nil)
		if err := os.WriteFile(f.folders.path, []byte("audio"), 0o600); err != nil {
			t.Fatal(err)
		}
		first := f.submit(api.Options{})
		f.folders.paused.Store(true)
		var want []string
		for _, folder := range []string{"a", "b", "a", "b"} {
			id := api.FolderPrefix + folder
			f.add(store.Job{Queue: id, Source: api.Source{Folder: id, Name: folder + "\xff.mp3", Path: folder + "\xff.mp3"}})
			want = append(want, folder+`\xff.mp3`)
		}
		close(release)
		if job := f.news.until(t, api.Completed); job.ID != first {
			t.Errorf("got %s completed, want the command", job.ID)
		}
		synctest.Wait()
		if n, err := f.db.CountJobs(t.Context()); err != nil || n[api.Queued] != 4 {
			t.Errorf("got %v, %v, want the jobs of paused folders left alone", n, err)
		}
		f.folders.paused.Store(false)
		f.Wake()
		for _, name := range want {
			if job := f.news.until(t, api.Completed); job.Source.Name != name {
				t.Errorf("got %q completed, want %q: the folders in turn", job.Source.Name, name)
			}
		}
	})
}

// Commands keep coming, and a folder still gets each fourth slot: behind them
// it would wait for ever.
func TestRunner_aFolderGetsEachFourthSlotHoweverManyCommandsWait(t *testing.T) {
	for _, slots := range []int{1, 3, 8} {
		t.Run(strconv.Itoa(slots), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := make(chan struct{})
				f := newFixture(t, transcriber(func(context.Context) (*api.Result, error) {
					<-all
					return hello(), nil
				}), func(c *jobs.Config) { c.Workers.Count = slots })
				if err := os.WriteFile(f.folders.path, []byte("audio"), 0o600); err != nil {
					t.Fatal(err)
				}
				const commands, dropped = 40, 4
				for range commands {
					f.submit(api.Options{})
				}
				synctest.Wait() // commands have every slot
				for range dropped {
					f.add(store.Job{Queue: api.FolderPrefix + "a", Source: api.Source{Folder: api.FolderPrefix + "a", Name: "a.mp3", Path: "a.mp3"}})
				}
				close(all)
				var order strings.Builder
				for seen := map[string]bool{}; len(seen) < commands+dropped; {
					job := f.news.until(t, api.Processing)
					switch {
					case seen[job.ID]:
					case job.Source.Folder != "":
						order.WriteByte('f')
					default:
						order.WriteByte('c')
					}
					seen[job.ID] = true
				}
				later := order.String()[slots:]
				for turn := range dropped {
					if four := later[4*turn : 4*turn+4]; strings.Count(four, "f") != 1 {
						t.Errorf("got claims in the order %s, want a folder's among each four after the first %d while one waits", &order, slots)
						break
					}
				}
			})
		})
	}
}

func TestRunner_recheckEndsTheRunsOfJobsThatTheStoreCancelled(t *testing.T) {
	begun, ended := make(chan struct{}, 2), make(chan error, 2)
	f := newFixture(t, transcriber(func(ctx context.Context) (*api.Result, error) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, context.Cause(ctx)
	}), func(c *jobs.Config) { c.Workers.Count = 2 })
	cancelled, wanted := f.submit(api.Options{}), f.submit(api.Options{})
	<-begun
	<-begun
	if _, err := f.db.Cancel(t.Context(), cancelled, 0); err != nil {
		t.Fatal(err)
	}
	f.Recheck(t.Context())
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("got the run ended by %v, want that the job was cancelled", err)
	}
	if job := f.news.until(t, api.Cancelled); job.ID != cancelled {
		t.Errorf("got %s told as cancelled, want %s", job.ID, cancelled)
	}
	f.Recheck(t.Context())
	select {
	case err := <-ended:
		t.Errorf("got the other run ended by %v, want it left alone", err)
	default:
	}
	if job := f.job(wanted); job.Status != api.Processing {
		t.Errorf("got the other job %s, want it processed", job.Status)
	}
}

func TestRunner_audioThatIsGoneFailsTheJob(t *testing.T) {
	f := newFixture(t, says(hello(), nil), nil)
	f.add(store.Job{Queue: store.QueueCommands, Blob: "0123456789abcdef", Source: api.Source{Name: "call.mp3"}})
	if job := f.news.until(t, api.Failed); job.ErrorCode != api.JobInternal {
		t.Errorf("got %s %q, want the audio missed", job.ErrorCode, job.Error)
	}
	f.RemoveAudio("") // names none
	f.RemoveAudio("0123456789abcdef")
}

func TestRunner_anAnalysisEndpointWithoutItsKeyStillAnswers(t *testing.T) {
	f := newFixture(t, says(hello(), nil), func(c *jobs.Config) {
		c.Analysis = config.Analysis{Enabled: true, Endpoint: "http://127.0.0.1:1", Key: "env:VOXPARSE_TEST_NO_SUCH_KEY", Timeout: time.Second}
		c.Defaults.Plan = api.PlanPro
	})
	f.submit(api.Options{})
	f.news.until(t, api.Completed)
}
