package jobs_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/models"
)

// fetching reports whether a job says that it waits for a model.
func fetching(job api.Job) bool {
	return job.Progress != nil && job.Progress.Stage == "model" && strings.Contains(job.Waiting, "is missing: fetching")
}

func TestRunner_fetchesAModelOnceForAllWhoWait(t *testing.T) {
	var requests atomic.Int32
	release := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		<-release
		_, _ = w.Write([]byte(modelBytes))
	})
	work := &pool{}
	f := newFixture(t, work, func(c *jobs.Config) { c.Workers.Count = 2 })
	f.define("german", models.KindSpeech, url)
	first, second := f.submit(api.Options{Model: "german"}), f.submit(api.Options{Model: "german"})
	waiting := map[string]bool{}
	f.news.wait(t, "of both waits for the model", func(job api.Job) bool {
		waiting[job.ID] = waiting[job.ID] || fetching(job)
		return waiting[first] && waiting[second]
	})
	close(release)
	f.news.until(t, api.Completed)
	f.news.until(t, api.Completed)
	if n := requests.Load(); n != 1 {
		t.Errorf("got the model fetched %d times, want once", n)
	}
	if got := f.Problems(); len(got) != 0 {
		t.Errorf("got the problems %+v, want none", got)
	}
}

func TestRunner_aModelThatCannotBeFetchedDelays(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusNotFound)
	})
	f := newFixture(t, &pool{}, nil)
	f.define("german", models.KindSpeech, url)
	for range 2 {
		id := f.submit(api.Options{Model: "german"})
		job := f.news.wait(t, "waits for its next try", func(job api.Job) bool { return job.ID == id && !job.NextTryAt.IsZero() })
		if job.Status != api.Queued || job.Attempts != 0 || !strings.Contains(job.Waiting, "the model german cannot be fetched") {
			t.Errorf("got %s after %d attempts, waiting for %q, want it queued, uncharged", job.Status, job.Attempts, job.Waiting)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("got the model asked for %d times, want once for both jobs", n)
	}
	if got := f.Problems(); len(got) != 1 || got[0].Code != api.JobModelMissing || got[0].Fix != "voxparse models pull german" {
		t.Errorf("got the problems %+v, want the model's with its fix", got)
	}
}

func TestRunner_aFetchThatNobodyWaitsForEnds(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	})
	f := newFixture(t, &pool{}, func(c *jobs.Config) { c.Workers.Count = 2 })
	f.define("german", models.KindSpeech, url)
	id := f.submit(api.Options{Model: "german"})
	f.news.wait(t, "waits for the model", fetching)
	<-begun
	// The fetch reports nothing more; one who joins it says what it waits for too.
	late := f.submit(api.Options{Model: "german"})
	f.news.wait(t, "that joins waits for the model", func(job api.Job) bool { return job.ID == late && fetching(job) })
	for _, id := range []string{id, late} {
		if _, err := f.db.Cancel(t.Context(), id, 0); err != nil {
			t.Fatal(err)
		}
		f.Cancel(id)
	}
	<-ended
	f.stop()
	if got := f.Problems(); len(got) != 0 {
		t.Errorf("got the problems %+v, want none of a fetch that was cancelled", got)
	}
}
