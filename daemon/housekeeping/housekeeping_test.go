package housekeeping_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/housekeeping"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/spool"
)

// house is a store with its audio, and what the keeper logs. The search index
// and the silenced audio only count their calls.
type house struct {
	t      *testing.T
	db     *boltstore.DB
	blobs  *spool.Blobs
	keeper *housekeeping.Keeper
	log    bytes.Buffer

	mu            sync.Mutex
	swept, purged int
	searchErr     error
}

func (h *house) Sweep(context.Context) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swept++
	return 0
}

func (h *house) Purge(context.Context, time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.purged++
	return h.searchErr
}

func open(t *testing.T, change func(*housekeeping.Config)) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t}
	var err error
	if h.db, err = boltstore.Open(t.Context(), dir, boltstore.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if h.blobs, err = spool.Open(filepath.Join(dir, "spool"), filepath.Join(dir, "quarantine")); err != nil {
		t.Fatal(err)
	}
	cfg := housekeeping.Config{Store: h.db, Blobs: h.blobs, Keep: time.Hour, Copies: h, Search: h, Logger: slog.New(slog.NewTextHandler(&h.log, nil))}
	if change != nil {
		change(&cfg)
	}
	h.keeper = housekeeping.New(cfg)
	return h
}

// finished is a job that has ended; its audio was given up.
func (h *house) finished() store.Job {
	h.t.Helper()
	ctx := h.t.Context()
	blob, err := h.blobs.Put(ctx, strings.NewReader("audio"), 0)
	if err != nil {
		h.t.Fatal(err)
	}
	j, _, err := h.db.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix), Blob: blob.Name})
	if err != nil {
		h.t.Fatal(err)
	}
	claimed, err := h.db.Claim(ctx, store.QueueCommands, "w", time.Minute, 1)
	if err != nil || len(claimed) != 1 {
		h.t.Fatal(claimed, err)
	}
	ev := store.Event{ID: store.EventID(j.ID, 0, api.EventCompleted), Type: api.EventCompleted, JobID: j.ID, CreatedAt: time.Now().UTC(), Body: []byte("{}")}
	if _, err := h.db.Complete(ctx, claimed[0].Token(), []byte("{}"), ev); err != nil {
		h.t.Fatal(err)
	}
	return j
}

func TestRun_purgesWhatIsPastItsTimeAndRemovesAudioThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, nil)
		j := h.finished()
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.keeper.Run(ctx)
		}()
		synctest.Wait()
		if _, err := os.Stat(h.blobs.Path(j.Blob)); !os.IsNotExist(err) {
			t.Errorf("got %v, want the audio of the finished job removed", err)
		}
		if _, err := h.db.Job(ctx, j.ID); err != nil {
			t.Errorf("got %v, want the job kept for its time", err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if _, err := h.db.Job(ctx, j.ID); !errors.Is(err, api.NotFound) {
			t.Errorf("got %v after its time, want the job purged", err)
		}
		if h.purged != 1 || !strings.Contains(h.log.String(), "purged") {
			t.Errorf("got %d purges of the index and the log %s, want one that is told", h.purged, h.log.String())
		}
		if err := os.WriteFile(h.blobs.Path("0123456789abcdef0123456789abcdef"), []byte("orphan"), 0o600); err != nil {
			t.Fatal(err)
		}
		end()
		<-ended
	})
}

func TestStart_setsAsideAudioWithoutAJob(t *testing.T) {
	h := open(t, nil)
	if err := os.WriteFile(h.blobs.Path("0123456789abcdef0123456789abcdef"), []byte("orphan"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.keeper.Start(t.Context())
	q, err := h.blobs.Quarantined(t.Context())
	if err != nil || q.Files != 1 || h.swept != 1 || !strings.Contains(h.log.String(), "set aside in the quarantine") {
		t.Errorf("got %+v, %v, %d sweeps, and the log %s, want the file set aside and told", q, err, h.swept, h.log.String())
	}
}

// broken is a store of which one thing fails.
type broken struct {
	housekeeping.Store
	purge, givenUp, forget error
}

func (b broken) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if b.purge != nil {
		return 0, b.purge
	}
	return b.Store.Purge(ctx, before, limit)
}

func (b broken) GivenUpBlobs(ctx context.Context, limit int) ([]string, error) {
	if b.givenUp != nil {
		return nil, b.givenUp
	}
	return b.Store.GivenUpBlobs(ctx, limit)
}

func (b broken) ForgetBlobs(ctx context.Context, names []string) error {
	if b.forget != nil {
		return b.forget
	}
	return b.Store.ForgetBlobs(ctx, names)
}

func TestKeeper_troubleIsToldAndNothingIsSetAside(t *testing.T) {
	gone := errors.New("the disk is gone")
	for _, c := range []struct {
		broken
		said string
	}{
		{broken{purge: gone}, "purge"},
		{broken{givenUp: gone}, "remove audio of jobs that have ended"},
		{broken{forget: gone}, "remove audio of jobs that have ended"},
	} {
		b, name := c.broken, c.said
		h := open(t, func(c *housekeeping.Config) {
			b.Store = c.Store
			c.Store = b
		})
		h.finished()
		if err := os.WriteFile(h.blobs.Path("0123456789abcdef0123456789abcdef"), []byte("orphan"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.keeper.Purge(t.Context())
		h.keeper.Start(t.Context())
		if text := h.log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, name) || !strings.Contains(text, gone.Error()) {
			t.Errorf("%s: got the log %s, want the trouble in it", name, text)
		}
		if q, err := h.blobs.Quarantined(t.Context()); b.purge == nil && (err != nil || q.Files != 0) {
			t.Errorf("%s: got %+v, %v, want nothing set aside while it is not known what is in use", name, q, err)
		}
	}
}

func TestPurge_anIndexThatFailsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, nil)
		h.searchErr = errors.New("the index is gone")
		h.finished()
		time.Sleep(2 * time.Hour)
		h.keeper.Purge(t.Context())
		if text := h.log.String(); h.purged != 1 || !strings.Contains(text, "the index is gone") {
			t.Errorf("got %d purges and the log %s, want the trouble of the index in it", h.purged, text)
		}
	})
}

// A clock that jumps ahead would delete everything at once: what it says is
// believed once it has said so for an hour of running.
func TestPurge_aClockFarAheadIsNotBelievedAtOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		ahead time.Duration
		back  bool // it is put right within the hour
		gone  []bool
	}{
		{"a year", 365 * 24 * time.Hour, false, []bool{false, false, true}},
		{"a year, put right", 365 * 24 * time.Hour, true, []bool{false, false, false}},
		{"a night's sleep", 12 * time.Hour, false, []bool{true}},
	} {
		for _, when := range []string{"while it runs", "while it does not"} {
			t.Run(c.name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began, ahead := time.Now(), time.Duration(0)
					h := open(t, func(cfg *housekeeping.Config) {
						cfg.Keep = 10 * time.Hour
						cfg.Now = func() (time.Time, time.Duration) { return time.Now().Add(ahead), time.Since(began) }
					})
					j := h.finished()
					if when == "while it runs" {
						h.keeper.Purge(t.Context())
					}
					ahead = c.ahead
					for i, gone := range c.gone {
						h.keeper.Purge(t.Context())
						if _, err := h.db.Job(t.Context(), j.ID); errors.Is(err, api.NotFound) != gone {
							t.Errorf("after %s: got %v, want the job gone: %v", time.Since(began), err, gone)
						}
						if time.Sleep(40 * time.Minute); c.back && i == 0 {
							ahead = 0
						}
					}
					if told := strings.Contains(h.log.String(), "far ahead"); told == c.gone[0] {
						t.Errorf("got the log %s, want the jump told: %v", h.log.String(), !c.gone[0])
					}
				})
			})
		}
	}
}
