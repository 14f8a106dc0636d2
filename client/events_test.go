package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/voxparse/voxparse/api"
)

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
