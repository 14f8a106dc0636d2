package httpapi_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/httpapi"
	"github.com/voxparse/voxparse/store"
)

// readPages follows a list's cursors and returns how often each id is on them.
func readPages[T any](f *fixture, path string, id func(T) string) map[string]int {
	f.t.Helper()
	seen := map[string]int{}
	for cursor, more := "", true; more; {
		p := get[api.List[T]](f, 200, "GET", path+"&cursor="+cursor, "")
		if p.HasMore != (p.Next != "") || len(p.Items) == 0 {
			f.t.Fatalf("got %+v, want items, and next exactly where there is more", p)
		}
		for _, item := range p.Items {
			seen[id(item)]++
		}
		cursor, more = p.Next, p.HasMore
	}
	return seen
}

func TestLists_goOnByCursor(t *testing.T) {
	f := serve(t, nil)
	first, second := f.hook(), f.hook()
	var last string
	for i := range 5 {
		text := fmt.Sprint("x", i)
		last = f.submit(text)
		f.complete(text)
	}
	jobs := readPages(f, "/v1/jobs?limit=2", func(j api.Job) string { return j.ID })
	all := readPages(f, "/v1/deliveries?limit=3", func(d api.Delivery) string { return d.ID })
	one := readPages(f, "/v1/webhooks/"+first.ID+"/deliveries?limit=2", func(d api.Delivery) string { return d.ID })
	ofJob := readPages(f, "/v1/jobs/"+last+"/deliveries?limit=1", func(d api.Delivery) string { return d.WebhookID })
	if len(jobs) != 5 || len(all) != 10 || len(one) != 5 || len(ofJob) != 2 || ofJob[second.ID] != 1 {
		t.Errorf("got %d jobs and %d, %d and %d deliveries, want 5, 10, 5 and 2", len(jobs), len(all), len(one), len(ofJob))
	}
	for _, seen := range []map[string]int{jobs, all, one, ofJob} {
		for id, n := range seen {
			if n != 1 {
				t.Errorf("got %s %d times, want once", id, n)
			}
		}
	}
	for path, want := range map[string]string{"/v1/jobs?cursor=x": "cursor", "/v1/deliveries?cursor=" + last: "cursor", "/v1/jobs?metadata=x": "metadata"} {
		status, body := f.ask("GET", path, "")
		wantRefusal(t, status, body, 400, want)
	}
	status, body := f.ask("GET", "/v1/jobs/job_00000000000000000000000000/deliveries", "")
	wantRefusal(t, status, body, 404, "")
}

func TestJobs_areFoundByNameAndMetadata(t *testing.T) {
	f := serve(t, nil)
	id := f.submit("x", part{"metadata", `{"case":"17"}`})
	f.submit("y")
	for query, want := range map[string]int{"metadata=case%3D17": 1, "metadata=case%3D18": 0, "name=CALL": 2, "name=zzz": 0, "folder=wat_x": 0, "until=2020-01-01": 0, "since=2020-01-01": 2} {
		p := get[api.List[api.Job]](f, 200, "GET", "/v1/jobs?"+query, "")
		if len(p.Items) != want || p.HasMore || want == 1 && p.Items[0].ID != id {
			t.Errorf("%s: got %d jobs, want %d", query, len(p.Items), want)
		}
	}
}

// threeHits is a search that finds three transcripts.
type threeHits struct{ brokenSearch }

func (threeHits) Search(_ context.Context, r api.SearchRequest) ([]api.SearchHit, error) {
	hits := []api.SearchHit{}
	for i := r.Offset; i < min(3, r.Offset+r.Limit); i++ {
		hits = append(hits, api.SearchHit{JobID: store.NewID(api.JobPrefix), Snippets: []api.SearchSnippet{}})
	}
	return hits, nil
}

func TestSearch_saysWhetherThereIsMore(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) { c.Search = threeHits{} })
	for query, want := range map[string]bool{"limit=2": true, "limit=3": false, "limit=2&offset=1": false, "limit=1&offset=1": true} {
		if p := get[api.List[api.SearchHit]](f, 200, "GET", "/v1/search?q=x&"+query, ""); p.HasMore != want {
			t.Errorf("%s: got more %t, want %t", query, p.HasMore, want)
		}
	}
}
