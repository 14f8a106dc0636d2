package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/store"
)

// log is an event log in memory.
type log struct {
	ready chan struct{}

	mu     sync.Mutex
	events []store.Event
	broken error
}

func newLog() *log { return &log{ready: make(chan struct{}, 1)} }

// commit appends an event about each job.
func (l *log) commit(jobIDs ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range jobIDs {
		l.events = append(l.events, store.Event{Seq: uint64(len(l.events) + 1), JobID: id})
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

func (l *log) EventsReady() <-chan struct{} { return l.ready }

func (l *log) LastEvent(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.events)), l.broken
}

func (l *log) EventsSince(_ context.Context, seq uint64, limit int) ([]store.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return nil, l.broken
	}
	page := l.events[seq:]
	return page[:min(limit, len(page))], nil
}

func (l *log) breakWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// completed shows every job as completed.
func completed(_ context.Context, id string) (api.Job, error) {
	return api.Job{ID: id, Status: api.Completed}, nil
}

// open returns a feed of l that runs until the test ends.
func open(t *testing.T, l *log, job func(context.Context, string) (api.Job, error), logged *strings.Builder) *feed.Feed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := feed.Open(ctx, feed.Config{Log: l, Job: job, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	if err != nil {
		t.Fatalf("open a feed: %v", err)
	}
	var done sync.WaitGroup
	done.Go(func() { f.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	return f
}

func TestRun_tellsACommitToItsSubscribersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		f := open(t, l, completed, &strings.Builder{})
		first, second, other := f.Subscribe("job_1"), f.Subscribe("job_1"), f.Subscribe("job_2")
		defer other.Close()
		committed := f.Committed()
		l.commit("", "job_1")
		synctest.Wait()
		select {
		case <-committed:
		default:
			t.Error("got nothing from Committed after a commit, want it closed")
		}
		for i, s := range []*feed.Subscription{first, second} {
			<-s.Ready()
			if e, ok := s.Take(); !ok || e.Type != feed.Status || e.Job.ID != "job_1" || e.Job.Status != api.Completed {
				t.Errorf("subscriber %d: got %+v, %t, want that job_1 is completed", i, e, ok)
			}
			if e, ok := s.Take(); ok {
				t.Errorf("subscriber %d: got %+v a second time, want it once", i, e)
			}
			s.Close()
		}
		if e, ok := other.Take(); ok {
			t.Errorf("got %+v for another job, want nothing", e)
		}
		if f.Wanted("job_1") || !f.Wanted("job_2") {
			t.Errorf("got wanted %t and %t, want only the job whose subscription is open", f.Wanted("job_1"), f.Wanted("job_2"))
		}
	})
}

func TestRun_readsALongLogToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.commit("job_old")
		<-l.ready
		f := open(t, l, completed, &strings.Builder{})
		if got := f.Last(); got != 1 {
			t.Errorf("got %d as the last event at the start, want 1", got)
		}
		old, last := f.Subscribe("job_old"), f.Subscribe("job_last")
		defer old.Close()
		defer last.Close()
		var many []string
		for i := range 2*feed.PageSize + 1 {
			many = append(many, fmt.Sprint("job_", i))
		}
		l.commit(append(many, "job_last")...)
		synctest.Wait()
		if _, ok := last.Take(); !ok {
			t.Error("got nothing about the last job of a long log, want its status")
		}
		if e, ok := old.Take(); ok {
			t.Errorf("got %+v of before the start, want nothing", e)
		}
		if got, want := f.Last(), uint64(len(many)+2); got != want {
			t.Errorf("got %d as the last event, want %d", got, want)
		}
	})
}

func TestRun_goesOnAfterTroubleWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		var logged strings.Builder
		gone := false
		f := open(t, l, func(ctx context.Context, id string) (api.Job, error) {
			if gone {
				return api.Job{}, api.NotFound
			}
			return completed(ctx, id)
		}, &logged)
		s := f.Subscribe("job_1")
		defer s.Close()
		l.breakWith(errors.New("the disk is away"))
		l.commit("job_1")
		synctest.Wait()
		if _, ok := s.Take(); ok || !strings.Contains(logged.String(), "the disk is away") {
			t.Errorf("got told %t and the log %q, want only the reason in the log", ok, &logged)
		}
		l.breakWith(nil)
		gone = true
		l.commit("job_1")
		synctest.Wait()
		if _, ok := s.Take(); ok || !strings.Contains(logged.String(), "job=job_1") {
			t.Errorf("got told %t and the log %q, want only the job that cannot be read", ok, &logged)
		}
		gone = false
		l.commit("job_1")
		synctest.Wait()
		if _, ok := s.Take(); !ok {
			t.Error("got nothing once the store answers again, want the job's status")
		}
	})
}

func TestOpen_failsWithTheLog(t *testing.T) {
	l := newLog()
	l.breakWith(api.Unavailable)
	if _, err := feed.Open(t.Context(), feed.Config{Log: l}); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v, want the log's own error", err)
	}
}

func TestPublish_keepsWhatMatters(t *testing.T) {
	status := func(s api.JobStatus) api.JobEvent {
		return api.JobEvent{Type: feed.Status, Job: api.Job{ID: "job_1", Status: s}}
	}
	progress := api.JobEvent{Type: feed.Progress, Job: api.Job{ID: "job_1", Status: api.Processing, Attempts: 7}}
	for _, tt := range []struct {
		name   string
		events []api.JobEvent
		kind   string
		status api.JobStatus
	}{
		{"progress alone", []api.JobEvent{progress}, feed.Progress, api.Processing},
		{"progress after a change of status that was not taken", []api.JobEvent{status(api.Processing), progress}, feed.Status, api.Processing},
		{"a status after progress", []api.JobEvent{progress, status(api.Completed)}, feed.Status, api.Completed},
		{"late progress after the end", []api.JobEvent{status(api.Failed), progress}, feed.Status, api.Failed},
		{"one end after another", []api.JobEvent{status(api.Failed), status(api.Cancelled)}, feed.Status, api.Cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := feed.Open(t.Context(), feed.Config{Log: newLog()})
			if err != nil {
				t.Fatal(err)
			}
			s := f.Subscribe("job_1")
			defer s.Close()
			for _, e := range tt.events {
				f.Publish(e.Type, e.Job)
			}
			if got, ok := s.Take(); !ok || got.Type != tt.kind || got.Job.Status != tt.status {
				t.Errorf("got %+v, %t, want %s %s", got, ok, tt.kind, tt.status)
			}
		})
	}
}

func TestBroadcast_wakesAllWhoWaitAndNobodyLater(t *testing.T) {
	var b feed.Broadcast
	b.Notify() // nobody waits
	first, second := b.Wait(), b.Wait()
	select {
	case <-first:
		t.Fatal("got woken before Notify")
	default:
	}
	b.Notify()
	<-first
	<-second
	select {
	case <-b.Wait():
		t.Error("got woken by an earlier Notify, want to wait for the next")
	default:
	}
}
