package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/search"
)

// found returns the jobs that hold the words, with a space between.
func (f *fixture) found(words string) string {
	f.t.Helper()
	hits, err := f.client.Search(f.t.Context(), api.SearchRequest{Words: words})
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
	idx, release, err := f.search.acquire(f.t.Context())
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

func TestTranscriptsAreFoundByWhatWasSaid(t *testing.T) {
	f := start(t, nil)
	refund := f.finished("I would like a refund for my order")
	other := f.finished("the weather is fine today")
	hits, err := f.client.Search(t.Context(), api.SearchRequest{Words: "refunds"})
	if err != nil || len(hits) != 1 || hits[0].JobID != refund || hits[0].Source.Name != "call.mp3" {
		t.Fatalf("got %+v, %v, want %s", hits, err, refund)
	}
	if s := hits[0].Snippets; len(s) != 1 || len(s[0].Matches) != 1 {
		t.Errorf("got snippets %+v, want one with one match", s)
	}
	late := f.finished("another refund")
	if got := f.found("another"); got != late {
		t.Errorf("got %q, want %s, which was completed after the index was opened", got, late)
	}
	if err := f.client.DeleteJob(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	if got := f.found("order") + f.found("weather"); got != other {
		t.Errorf("got %q, want nothing of a deleted job, and %s", got, other)
	}
	if got, want := f.indexed(), other+" "+late; got != want {
		t.Errorf("got %q in the index, want %q", got, want)
	}
	if _, err := f.client.Search(t.Context(), api.SearchRequest{}); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v from an empty search, want invalid", err)
	}
}

func TestSearchIsNarrowedAndPagedOverHTTP(t *testing.T) {
	f := start(t, nil)
	first, second := f.finished("a refund"), f.finished("a refund")
	ask := func(params string) string {
		status, body := f.ask(http.MethodGet, "/v1/search?q=refund"+params, "")
		var out []string
		for _, id := range []string{first, second} {
			if strings.Contains(body, id) {
				out = append(out, id)
			}
		}
		if status != http.StatusOK {
			return body
		}
		return strings.Join(out, " ")
	}
	now := url.QueryEscape(time.Now().Add(time.Minute).Format(time.RFC3339))
	for params, want := range map[string]string{
		"":                   first + " " + second,
		"&limit=1":           second,
		"&limit=1&offset=1":  first,
		"&since=" + now:      "",
		"&until=" + now:      first + " " + second,
		"&until=1h":          "",
		"&speaker=somebody":  "",
		"&limit=1&offset=20": "",
	} {
		if got := ask(params); got != want {
			t.Errorf("%s: got %q, want %q", params, got, want)
		}
	}
	for _, params := range []string{"&limit=101", "&offset=-1", "&offset=10001", "&since=soon", "&status=failed"} {
		if status, body := f.ask(http.MethodGet, "/v1/search?q=refund"+params, ""); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", params, status, body)
		}
	}
}

func TestPurgedTranscriptsLeaveTheIndexAndItIsClosedAgain(t *testing.T) {
	f := start(t, func(o *Options) { o.Config.Retention = time.Nanosecond })
	f.finished("a refund")
	if f.found("refund") == "" {
		t.Fatal("got nothing, want the transcript before it is purged")
	}
	f.search.closeIdle()
	f.purge(t.Context())
	if f.search.index != nil {
		t.Error("got an open index after a purge, want it closed, as it was")
	}
	if got := f.indexed(); got != "" {
		t.Errorf("got %q in the index, want nothing that was purged", got)
	}
}

func TestAJobDeletedWhileTheIndexWasAwayIsNotFound(t *testing.T) {
	f := start(t, nil)
	gone, stays := f.finished("a refund"), f.finished("a refund")
	f.found("refund")
	if err := f.db.DeleteJob(t.Context(), gone); err != nil { // as if the daemon had died before it told the index
		t.Fatal(err)
	}
	hits, err := f.client.Search(t.Context(), api.SearchRequest{Words: "refund", Limit: 1})
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

func TestTheIndexIsMadeAgainFromTheStore(t *testing.T) {
	f := start(t, nil)
	want := f.finished("a refund")
	files := filepath.Join(f.search.dir(), "files")
	for _, c := range []struct {
		name   string
		damage func() error
	}{
		{"missing", func() error { return os.RemoveAll(f.search.dir()) }},
		{"without its words", func() error { return os.RemoveAll(filepath.Join(files, "store")) }},
		{"corrupt", func() error {
			names, err := filepath.Glob(filepath.Join(files, "store", "*.zap"))
			for _, name := range names {
				err = errors.Join(err, os.Truncate(name, 100))
			}
			return err
		}},
		{"further than the store", func() error { return alter(f.search.dir(), search.Place{Seq: 1000, Event: "evt_x"}) }},
		{"of another store", func() error { return alter(f.search.dir(), search.Place{Seq: 1, Event: "evt_x"}) }},
	} {
		if got := f.found("refund"); got != want {
			t.Fatalf("before %s: got %q, want %s", c.name, got, want)
		}
		f.search.closeIdle()
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

func TestAnIdleDaemonHoldsNoIndex(t *testing.T) {
	f := start(t, nil)
	id := f.finished("a refund")
	if f.search.exists() {
		t.Error("got an index before the first question, want none")
	}
	if err := f.client.DeleteJob(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if f.search.exists() {
		t.Error("got an index from a deletion, want none")
	}
	f.search.rest = time.Millisecond
	f.found("refund")
	until(t, "the index closed", func() bool {
		f.search.use.RLock()
		defer f.search.use.RUnlock()
		return f.search.index == nil
	})
}

func TestAQuestionIsToldWhileTheIndexIsFilled(t *testing.T) {
	f := start(t, nil)
	id := f.finished("a refund")
	f.search.patience = time.Millisecond
	f.search.change.Lock() // holds up the filling
	_, err := f.client.Search(t.Context(), api.SearchRequest{Words: "refund"})
	f.search.change.Unlock()
	var busy *api.Error
	if !errors.As(err, &busy) || busy.Code != api.Unavailable || busy.RetryAfter <= 0 || !strings.Contains(busy.Message, "0% of them") {
		t.Errorf("got %v, want unavailable, with the share that is done and when to ask again", err)
	}
	f.search.patience = fillPatience
	if got := f.found("refund"); got != id {
		t.Errorf("got %q, want %s", got, id)
	}
}

// The daemon is killed while it answers the first questions, and so while it
// reads transcripts into the index; the next one finds every transcript once.
func TestAKillWhileTheIndexIsFilledLosesNothing(t *testing.T) {
	const jobs = 60
	dir := shortDir(t)
	cfg := testConfig(t, dir)
	c := client.New(cfg.Socket)
	defer c.Close()
	want := map[string]bool{}
	for round := range 3 {
		daemon := spawn(t, "daemon", dirEnv+"="+dir)
		until(t, "the daemon was ready", func() bool { _, err := c.Health(t.Context()); return err == nil })
		for i := range jobs / 3 {
			acc, err := c.Submit(t.Context(), upload(audio(fmt.Sprintf("a refund, round %d, call %d", round, i))))
			if err != nil {
				t.Fatal(err)
			}
			want[acc.JobID] = true
		}
		until(t, "a question was answered", func() bool {
			hits, err := c.Search(t.Context(), api.SearchRequest{Words: "refund"})
			return err == nil && len(hits) > 0
		})
		daemon.kill()
	}
	f := startIn(t, dir, nil)
	for id := range want {
		f.wait(id)
	}
	got := map[string]int{}
	hits, err := f.client.Search(t.Context(), api.SearchRequest{Words: "refund", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		got[h.JobID]++
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("job %s: got %d hits, want 1", id, got[id])
		}
	}
	if len(got) != jobs {
		t.Errorf("got %d jobs, want %d", len(got), jobs)
	}
}
