package indexer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
	"github.com/voxparse/voxparse/store"
)

// memory is a store of completed jobs.
type memory struct {
	mu     sync.Mutex
	texts  map[string]string // by job id
	events []store.Event
	broken error
}

// complete adds a job that says text, and returns its id.
func (m *memory) complete(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := fmt.Sprintf("job_%03d", len(m.events))
	m.texts[id] = text
	m.events = append(m.events, store.Event{Seq: uint64(len(m.events) + 1), ID: "evt_" + id, Type: api.EventCompleted, JobID: id, CreatedAt: time.Now()})
	return id
}

func (m *memory) delete(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.texts, id)
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

func (m *memory) Job(_ context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.texts[id]; !ok && m.broken == nil {
		return store.Job{}, api.NotFound
	}
	return store.Job{ID: id, Source: api.Source{Name: id + ".mp3"}}, m.broken
}

func (m *memory) Result(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.texts[id]
	if !ok {
		return nil, api.NotFound
	}
	if text == "damaged" {
		return []byte("{"), nil
	}
	return json.Marshal(api.Result{JobID: id, Text: text, Segments: []api.Segment{{End: 1, Text: text}}})
}

func (m *memory) EventsSince(_ context.Context, seq uint64, limit int) ([]store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := m.events[min(int(seq), len(m.events)):]
	return slices.Clone(page[:min(limit, len(page))]), m.broken
}

func (m *memory) LastEvent(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.events)), m.broken
}

type fixture struct {
	*Indexer
	*memory
	t *testing.T
}

func newFixture(t *testing.T, change func(*Config)) *fixture {
	m := &memory{texts: map[string]string{}}
	cfg := Config{Dir: filepath.Join(t.TempDir(), "search"), Store: m, Logger: slog.New(slog.DiscardHandler),
		Source: func(j store.Job) api.Source { return api.Source{Name: "shown " + j.Source.Name} }}
	if change != nil {
		change(&cfg)
	}
	x := New(cfg)
	t.Cleanup(x.Close)
	return &fixture{x, m, t}
}

// found returns the jobs that hold the words, the newest first.
func (f *fixture) found(words string) string {
	f.t.Helper()
	hits, err := f.Search(f.t.Context(), api.SearchRequest{Words: words, Limit: 100})
	if err != nil {
		f.t.Fatalf("search %q: %v", words, err)
	}
	var ids []string
	for _, h := range hits {
		ids = append(ids, h.JobID)
	}
	return strings.Join(ids, " ")
}

// indexed returns the jobs that the index itself holds.
func (f *fixture) indexed() string {
	f.t.Helper()
	idx, release, err := f.acquire(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	defer release()
	ids, err := idx.FinishedBefore(f.t.Context(), time.Now().Add(time.Hour), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

func (f *fixture) isOpen() bool {
	f.use.RLock()
	defer f.use.RUnlock()
	return f.index != nil
}

func TestSearch_followsTheStore(t *testing.T) {
	f := newFixture(t, nil)
	refund, other := f.complete("I would like a refund for my order"), f.complete("the weather is fine")
	f.events = append(f.events, store.Event{Seq: 3, ID: "evt_x", Type: api.EventFailed, JobID: "job_x"})
	hits, err := f.Search(t.Context(), api.SearchRequest{Words: "refunds"})
	if err != nil || len(hits) != 1 || hits[0].JobID != refund || hits[0].Source.Name != "shown "+refund+".mp3" {
		t.Fatalf("got %+v, %v, want %s with its source as it is shown", hits, err, refund)
	}
	late := f.complete("another refund")
	if got := f.found("another"); got != late {
		t.Errorf("got %q, want %s, which was completed after the index was opened", got, late)
	}
	f.delete(refund)
	f.Delete(t.Context(), refund)
	if got, want := f.indexed(), other+" "+late; got != want {
		t.Errorf("got %q in the index after a deletion, want %q", got, want)
	}
}

func TestSearch_takesOutWhatWasDeletedWhileTheIndexWasAway(t *testing.T) {
	f := newFixture(t, nil)
	gone, stays := f.complete("a refund"), f.complete("a refund")
	f.found("refund")
	f.delete(gone) // as if the daemon had died before it told the index
	hits, err := f.Search(t.Context(), api.SearchRequest{Words: "refund", Limit: 1})
	if err != nil || len(hits) != 1 || hits[0].JobID != stays {
		t.Errorf("got %+v, %v, want %s on the first page", hits, err, stays)
	}
	if got := f.found("refund"); got != stays {
		t.Errorf("got %q, want %s", got, stays)
	}
	if got := f.indexed(); got != stays {
		t.Errorf("got %q in the index, want %s", got, stays)
	}
}

func TestSearch_makesADamagedIndexAgain(t *testing.T) {
	f := newFixture(t, nil)
	want := f.complete("a refund")
	dir := f.cfg.Dir
	files := filepath.Join(dir, "files")
	for _, c := range []struct {
		name   string
		damage func() error
	}{
		{"missing", func() error { return os.RemoveAll(dir) }},
		{"without its words", func() error { return os.RemoveAll(filepath.Join(files, "store")) }},
		{"corrupt", func() error {
			names, err := filepath.Glob(filepath.Join(files, "store", "*.zap"))
			for _, name := range names {
				err = errors.Join(err, os.Truncate(name, 100))
			}
			return err
		}},
		{"further than the store", func() error { return alter(dir, search.Place{Seq: 1000, Event: "evt_x"}) }},
		{"of another store", func() error { return alter(dir, search.Place{Seq: 1, Event: "evt_x"}) }},
	} {
		if got := f.found("refund"); got != want {
			t.Fatalf("before %s: got %q, want %s", c.name, got, want)
		}
		f.closeIdle()
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		if got := f.found("refund"); got != want {
			t.Errorf("%s: got %q, want %s", c.name, got, want)
		}
	}
}

// alter leaves an empty index in dir that says that it has come to that place.
func alter(dir string, place search.Place) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	idx, err := search.Open(dir, nil)
	if err != nil {
		return err
	}
	return errors.Join(idx.Put(nil, place), idx.Close())
}

func TestPurge_takesOutWhatIsGoneAndLeavesTheIndexClosed(t *testing.T) {
	f := newFixture(t, nil)
	gone, stays := f.complete("a refund"), f.complete("a refund")
	f.found("refund")
	f.closeIdle()
	f.delete(gone)
	if err := f.Purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if f.isOpen() {
		t.Error("got an open index after a purge, want it closed, as it was")
	}
	if got := f.indexed(); got != stays {
		t.Errorf("got %q in the index, want %s", got, stays)
	}
	f.breakWith(errors.New("closed"))
	if err := f.Purge(t.Context(), time.Now().Add(time.Hour)); err == nil {
		t.Error("got nil while the store does not answer, want its error")
	}
}

func TestIndexer_holdsNoIndexThatNobodyAsks(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.CloseAfter = time.Millisecond })
	id := f.complete("a refund")
	f.Delete(t.Context(), id)
	if err := f.Purge(t.Context(), time.Now()); err != nil || f.exists() {
		t.Errorf("got %v and an index %t before the first question, want none", err, f.exists())
	}
	f.found("refund")
	for end := time.Now().Add(20 * time.Second); f.isOpen(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the index was not closed within 20 s")
		}
	}
}

func TestSearch_isRefusedWhileTheIndexIsFarBehind(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.WaitLimit = time.Millisecond })
	id := f.complete("a refund")
	f.change.Lock() // holds up the fill
	_, err := f.Search(t.Context(), api.SearchRequest{Words: "refund"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.cfg.WaitLimit = DefaultWaitLimit
	_, gone := f.Search(ctx, api.SearchRequest{Words: "refund"})
	f.change.Unlock()
	var busy *api.Error
	if !errors.As(err, &busy) || busy.Code != api.Unavailable || busy.RetryAfter <= 0 || !strings.Contains(busy.Message, "0% of them") {
		t.Errorf("got %v, want unavailable, with the share that is done and when to ask again", err)
	}
	if !errors.Is(gone, context.Canceled) {
		t.Errorf("got %v for a client that left, want its context's error", gone)
	}
	if got := f.found("refund"); got != id {
		t.Errorf("got %q, want %s", got, id)
	}
}

func TestSearch_saysThatATranscriptCannotBeRead(t *testing.T) {
	f := newFixture(t, nil)
	id := f.complete("damaged")
	if _, err := f.Search(t.Context(), api.SearchRequest{Words: "refund"}); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("got %v, want an error that names %s", err, id)
	}
	f.breakWith(errors.New("closed"))
	if _, err := f.Search(t.Context(), api.SearchRequest{Words: "refund"}); err == nil || err.Error() != "closed" {
		t.Errorf("got %v, want the store's error", err)
	}
}

func TestClose_endsAFillAndRefusesQuestions(t *testing.T) {
	f := newFixture(t, nil)
	f.complete("a refund")
	f.change.Lock() // holds up the fill
	asked := make(chan error, 1)
	if f.begin(t.Context(), 1) == nil {
		t.Fatal("got no fill, want one that has begun")
	}
	go func() {
		_, err := f.Search(t.Context(), api.SearchRequest{Words: "refund"})
		asked <- err
	}()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		f.Close()
	}()
	f.change.Unlock()
	<-closed
	if err := <-asked; err != nil && !errors.Is(err, api.Unavailable) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v for a question during the stop, want an answer or that the daemon stops", err)
	}
	f.complete("another refund")
	if _, err := f.Search(t.Context(), api.SearchRequest{Words: "refund"}); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v after Close, want unavailable", err)
	}
	if f.isOpen() {
		t.Error("got an open index after Close, want none")
	}
}
