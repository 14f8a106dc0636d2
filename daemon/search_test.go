package daemon_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
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
	if err := f.client.DeleteJob(t.Context(), refund, false); err != nil {
		t.Fatal(err)
	}
	if got := f.found("order") + f.found("weather"); got != other {
		t.Errorf("got %q, want nothing of a deleted job, and %s", got, other)
	}
	if _, err := f.client.Search(t.Context(), api.SearchRequest{}); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v from an empty search, want invalid", err)
	}
}

func TestPurgedTranscriptsAreNotFound(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Retention = time.Nanosecond })
	f.finished("a refund")
	if f.found("refund") == "" {
		t.Fatal("got nothing, want the transcript before it is purged")
	}
	f.Purge(t.Context())
	if got := f.found("refund"); got != "" {
		t.Errorf("got %q, want nothing that was purged", got)
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
