package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/httpapi"
)

func TestJobs_newestFirstByPage(t *testing.T) {
	f := serve(t, nil)
	var ids []string
	for range 4 {
		ids = append(ids, f.submit("x"))
		f.complete("x")
	}
	waiting := f.submit("y")
	list := get[api.List[api.Job]](f, 200, "GET", "/v1/jobs?limit=2&offset=1&status=completed&since=1h", "")
	if len(list.Items) != 2 || list.Items[0].ID != ids[2] || list.Items[1].ID != ids[1] {
		t.Errorf("got %v, want the second and third newest of %v", list.Items, ids)
	}
	list = get[api.List[api.Job]](f, 200, "GET", "/v1/jobs?state=queued", "") // the old name of status
	if len(list.Items) != 1 || list.Items[0].ID != waiting {
		t.Errorf("got %v, want only %s", list.Items, waiting)
	}
	if status, body := f.ask("GET", "/v1/jobs?status=failed", ""); status != 200 || strings.TrimSpace(body) != `{"items":[],"has_more":false}` {
		t.Errorf("got %d %s, want an empty list", status, body)
	}
}

func TestJobs_refusesWhatItDoesNotKnow(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	tests := []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/v1/jobs?limit=0", 400, "limit"},
		{"GET", "/v1/jobs?limit=101", 400, "limit"},
		{"GET", "/v1/jobs?offset=-1", 400, "offset"},
		{"GET", "/v1/jobs?since=soon", 400, "since"},
		{"GET", "/v1/jobs?color=red", 400, `"color"`},
		{"GET", "/v1/jobs?status=lost", 400, "status"},
		{"GET", "/v1/jobs?status=queued&status=failed", 400, "more than once"},
		{"GET", "/v1/jobs/job_nope", 404, "job_nope"},
		{"GET", "/v1/jobs/" + id + "/result", 404, id},
		{"GET", "/v1/jobs/" + id + "/result?format=doc", 400, "format"},
		{"GET", "/v1/jobs/job_nope/events", 404, "job_nope"},
		{"GET", "/v1/jobs/" + id + "/cancel", 405, "POST"},
		{"POST", "/v1/jobs/job_nope/cancel", 404, "job_nope"},
		{"POST", "/v1/jobs/" + id + "/retry", 409, id},
		{"DELETE", "/v1/jobs/job_nope", 404, "job_nope"},
		{"GET", "/v1/nothing", 404, "/v1/nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			status, body := f.ask(tt.method, tt.path, "")
			wantRefusal(t, status, body, tt.status, tt.want)
		})
	}
}

func TestResult_inEveryFormat(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	f.complete("some words")
	for format, want := range map[string]string{"": `"text":"some words"`, "json": "some words", "txt": "some words", "srt": "-->", "vtt": "WEBVTT", "tsv": "\t", "md": "some words"} {
		path := "/v1/jobs/" + id + "/result"
		if format != "" {
			path += "?format=" + format
		}
		if status, body := f.ask("GET", path, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%q: got %d %s, want it to hold %q", format, status, body, want)
		}
	}
}

func TestJob_cancelRetryDelete(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	if job := get[api.Job](f, 200, "POST", "/v1/jobs/"+id+"/cancel", ""); job.Status != api.Cancelled {
		t.Errorf("got %s, want cancelled", job.Status)
	}
	if job := get[api.Job](f, 200, "POST", "/v1/jobs/"+id+"/retry", ""); job.Status != api.Queued {
		t.Errorf("got %s after a retry, want queued", job.Status)
	}
	claimed := f.claim()
	status, body := f.ask("DELETE", "/v1/jobs/"+id, "")
	wantRefusal(t, status, body, 409, id)
	if _, err := f.db.Cancel(t.Context(), claimed.ID, 0); err != nil {
		t.Fatal(err)
	}
	if status, body := f.ask("DELETE", "/v1/jobs/"+id, ""); status != 204 {
		t.Fatalf("got %d %s, want 204", status, body)
	}
	status, body = f.ask("GET", "/v1/jobs/"+id, "")
	wantRefusal(t, status, body, 404, id)
	if names := f.spooled(); len(names) > 0 {
		t.Errorf("got %v left in the spool, want nothing", names)
	}
}

func TestRetry_refusedWhileStopping(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) {
		c.Accepting = func() error { return api.Errorf(api.Unavailable, "the daemon is stopping") }
	})
	for _, path := range []string{"/v1/jobs/job_x/retry", "/v1/transcribe", "/v1/watches"} {
		status, body := f.ask("POST", path, "{}")
		wantRefusal(t, status, body, 503, "stopping")
	}
}

func TestAudio_ofARedactedJob(t *testing.T) {
	f := serve(t, nil)
	plain := f.submit("x")
	f.complete("x")
	id := f.submit("y", part{"redact_audio", "true"})
	path := "/v1/jobs/" + id + "/audio"
	refused := func(id, want string) {
		t.Helper()
		status, body := f.ask("GET", "/v1/jobs/"+id+"/audio", "")
		wantRefusal(t, status, body, 404, want)
	}
	refused("job_nope", "job_nope")
	refused(plain, "redact_audio")
	refused(id, "queued")
	f.complete("y")
	refused(id, "gone")

	want := bytes.Repeat([]byte("wave"), 10_000)
	file := f.cfg.Copies.Path(id)
	if err := os.MkdirAll(strings.TrimSuffix(file, "/"+id+".wav"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, want, 0o600); err != nil {
		t.Fatal(err)
	}
	resp := f.open(t.Context(), "GET", path, "")
	if got := resp.Header.Get("Content-Disposition"); !strings.Contains(got, "call.redacted.wav") {
		t.Errorf("got Content-Disposition %q, want the name call.redacted.wav", got)
	}
	if status, body := f.ask("GET", path, ""); status != 200 || body != string(want) {
		t.Errorf("got %d and %d bytes, want the %d bytes of the copy", status, len(body), len(want))
	}
	if status, body := f.ask("GET", path, "", "Range", "bytes=4-7"); status != http.StatusPartialContent || body != "wave" {
		t.Errorf("got %d %q for a range, want 206 and its four bytes", status, body)
	}
	if status, _ := f.ask("DELETE", "/v1/jobs/"+id, ""); status != 204 {
		t.Errorf("got %d for the deletion, want 204", status)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("got %v, want the copy deleted with its job", err)
	}
}

func TestSearch(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	f.complete("a refund was promised")
	hits := get[api.List[api.SearchHit]](f, 200, "GET", "/v1/search?q=refund", "")
	if len(hits.Items) != 1 || hits.Items[0].JobID != id {
		t.Errorf("got %v, want %s", hits.Items, id)
	}
	if status, _ := f.ask("DELETE", "/v1/jobs/"+id, ""); status != 204 {
		t.Fatalf("got %d, want 204", status)
	}
	if hits := get[api.List[api.SearchHit]](f, 200, "GET", "/v1/search?q=refund", ""); len(hits.Items) != 0 {
		t.Errorf("got %v after the deletion, want nothing", hits.Items)
	}
	status, body := f.ask("GET", "/v1/search?q=refund&sort=up", "")
	wantRefusal(t, status, body, 400, `"sort"`)
}

func TestSearch_unavailable(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) {
		c.Search = brokenSearch{&api.Error{Code: api.Unavailable, Message: "the search index is being made", RetryAfter: 1500_000_000}}
	})
	resp := f.open(t.Context(), "GET", "/v1/search?q=refund", "")
	if got := resp.Header.Get("Retry-After"); resp.StatusCode != 503 || got != "2" {
		t.Errorf("got %d with Retry-After %q, want 503 with whole seconds, 2", resp.StatusCode, got)
	}
}

func TestErrors_keepTheirInsideToTheLog(t *testing.T) {
	var log bytes.Buffer
	f := serve(t, func(c *httpapi.Config) {
		c.Search = brokenSearch{fmt.Errorf("read /secret/place: %w", os.ErrPermission)}
		c.Logger = logTo(&log)
	})
	status, body := f.ask("GET", "/v1/search?q=refund", "")
	wantRefusal(t, status, body, 500, "voxparse daemon logs")
	if strings.Contains(body, "/secret/place") || !strings.Contains(log.String(), "/secret/place") {
		t.Errorf("got %s and the log %s, want the cause in the log alone", body, log.String())
	}
}

func TestErrors_whenToTryAgain(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) {
		c.Search = brokenSearch{&api.Error{Code: api.RateLimited, Message: "too many", RetryAfter: 7_000_000_000}}
	})
	if status, body := f.ask("GET", "/v1/search?q=x", ""); status != 429 || !strings.Contains(body, `"retry_after":7`) {
		t.Errorf("got %d %s, want 429 with retry_after", status, body)
	}
}
