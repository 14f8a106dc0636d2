package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
)

// lines returns the lines of a stream that begin with prefix; the channel is
// closed at its end.
func lines(body io.Reader, prefix string) <-chan string {
	found := make(chan string, 100)
	go func() {
		defer close(found)
		for s := bufio.NewScanner(body); s.Scan(); {
			if rest, ok := strings.CutPrefix(s.Text(), prefix); ok {
				found <- rest
			}
		}
	}()
	return found
}

func TestJobEvents_endWithATerminalStatus(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	resp := f.open(t.Context(), "GET", "/v1/jobs/"+id+"/events", "")
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got the type %q, want text/event-stream", got)
	}
	data := lines(resp.Body, "data: ")
	next := func() api.JobEvent {
		t.Helper()
		var e api.JobEvent
		if err := json.Unmarshal([]byte(receive(t, "an event", data)), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := next(); e.Type != feed.Status || e.Job.Status != api.Queued {
		t.Errorf("got %s %s first, want the status as it is, queued", e.Type, e.Job.Status)
	}
	f.cfg.Feed.Publish(feed.Progress, api.Job{ID: id, Status: api.Processing})
	if e := next(); e.Type != feed.Progress || e.Job.Status != api.Processing {
		t.Errorf("got %s %s, want the progress that was published", e.Type, e.Job.Status)
	}
	f.complete("x")
	if e := next(); e.Job.Status != api.Completed {
		t.Errorf("got %s, want completed", e.Job.Status)
	}
	if extra, open := <-data; open {
		t.Errorf("got %s after a terminal status, want the end", extra)
	}
}

func TestJobEvents_endWithTheDaemon(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x")
	data := lines(f.open(t.Context(), "GET", "/v1/jobs/"+id+"/events", "").Body, "data: ")
	receive(t, "the first event", data)
	close(f.halted)
	if extra, open := <-data; open {
		t.Errorf("got %s, want the end", extra)
	}
}

func TestEvents_fromNowOnOrFromAPlace(t *testing.T) {
	f := serve(t, nil)
	first := f.submit("x")
	f.complete("x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for {
		more := f.cfg.Feed.Committed()
		if f.cfg.Feed.Last() > 0 {
			break
		}
		receive(t, "that the first event was read", more)
	}
	resp := f.open(ctx, "GET", "/v1/events", "") // its headers came: it misses nothing from here on
	second := f.submit("y")
	f.complete("y")
	if live := receive(t, "an event", lines(resp.Body, "data: ")); !strings.Contains(live, second) {
		t.Errorf("got %s, want the event of %s", live, second)
	}
	all := lines(f.open(t.Context(), "GET", "/v1/events", "", "Last-Event-ID", "0").Body, "data: ")
	if a, b := receive(t, "an event", all), receive(t, "an event", all); !strings.Contains(a, first) || !strings.Contains(b, second) {
		t.Errorf("got %s and %s, want those of %s and %s", a, b, first, second)
	}
	close(f.halted)
	if extra, open := <-all; open {
		t.Errorf("got %s, want the end with the daemon", extra)
	}
	status, body := f.ask("GET", "/v1/events", "", "Last-Event-ID", "x")
	wantRefusal(t, status, body, 400, "Last-Event-ID")
}
