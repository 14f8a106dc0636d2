package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/voxparse/voxparse/api"
)

func TestReadEvents(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "data: a\n\n", "[|a]"},
		{"named with id", "event: status\nid: 7\ndata: a\n\n", "[7status|a]"},
		{"several lines", "data: a\ndata:b\n\n", "[|a\nb]"},
		{"CRLF and CR", "data: a\r\n\r\ndata: b\r\r", "[|a][|b]"},
		{"comments and unknown fields", ": ping\nretry: 5\nfoo: x\ndata: a\n\n: ping\n\n", "[|a]"},
		{"unfinished", "data: a\n\ndata: b", "[|a]"},
		{"id stays", "id: 1\ndata: a\n\ndata: b\n\n", "[1|a][1|b]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			err := readEvents(iotest.OneByteReader(strings.NewReader(tt.in)), func(m message) error {
				fmt.Fprintf(&got, "[%s%s|%s]", m.id, m.event, m.data)
				return nil
			})
			if err != nil || got.String() != tt.want {
				t.Errorf("got %s, %v, want %s", got.String(), err, tt.want)
			}
		})
	}
}

func FuzzReadEvents(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "id: 1\nevent: x\r\ndata: {}\r\n\r\n", ":\n\n", "data\n\n", "\r\r\r", "data: \x00\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, parts int
		errWhole := readEvents(strings.NewReader(string(data)), func(m message) error { whole += len(m.data) + 1; return nil })
		errParts := readEvents(iotest.OneByteReader(strings.NewReader(string(data))), func(m message) error { parts += len(m.data) + 1; return nil })
		if whole != parts || (errWhole == nil) != (errParts == nil) {
			t.Errorf("got %d, %v at once and %d, %v bytewise, want the same", whole, errWhole, parts, errParts)
		}
	})
}

func TestWaitJobOutlivesABrokenStream(t *testing.T) {
	var calls atomic.Int32
	var resumed string
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) {
		case 1:
			fmt.Fprint(w, "id: 1\nevent: progress\ndata: {\"type\":\"progress\",\"job\":{\"id\":\"job_1\",\"status\":\"processing\"}}\n\n")
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler)
		default:
			resumed = r.Header.Get("Last-Event-ID")
			fmt.Fprint(w, "id: 2\nevent: status\ndata: {\"type\":\"status\",\"job\":{\"id\":\"job_1\",\"status\":\"completed\"}}\n\n")
		}
	}))
	var seen []string
	j, err := c.WaitJob(t.Context(), "job_1", func(e api.JobEvent) { seen = append(seen, e.Type) })
	if err != nil || j.Status != api.Completed {
		t.Errorf("got %+v, %v, want it completed", j, err)
	}
	if fmt.Sprint(seen) != "[progress status]" || resumed != "1" {
		t.Errorf("got events %v, resumed after %q, want both, after 1", seen, resumed)
	}
}

func TestAStreamEndsWithARealRefusalAndWithTheHandlersError(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "job_0") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, "id: 4\ndata: {\"event\":\"x\"}\n\n")
	}))
	if _, err := c.WaitJob(t.Context(), "job_0", nil); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v, want api.NotFound", err)
	}
	enough := errors.New("enough")
	err := c.Events(t.Context(), "3", func(place string, body []byte) error {
		if place != "4" || string(body) != `{"event":"x"}` {
			t.Errorf("got %q at %q", body, place)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want the handler's own error", err)
	}
}
