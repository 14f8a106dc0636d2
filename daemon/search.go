package daemon

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/search"
)

var errStopping = api.Errorf(api.Unavailable, "the daemon is stopping")

// query finds transcripts.
func (s *searcher) query(ctx context.Context, r api.SearchRequest) ([]api.SearchHit, error) {
	if err := s.upToDate(ctx); err != nil {
		return nil, err
	}
	idx, release, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	s.idle.Reset(s.rest)
	for {
		hits, err := idx.Query(ctx, r)
		if err != nil {
			return nil, err
		}
		out, gone, err := s.view(ctx, hits)
		if err != nil || len(gone) == 0 {
			return out, err
		}
		if err := idx.Put(gone, search.Place{}); err != nil {
			return nil, err
		}
	}
}

// view adds to hits where they came from. Those of jobs that were deleted while no
// index was open come back as entries that remove them.
func (s *searcher) view(ctx context.Context, hits []api.SearchHit) (out []api.SearchHit, gone []search.Entry, err error) {
	out = make([]api.SearchHit, 0, len(hits))
	for _, h := range hits {
		job, err := s.d.db.Job(ctx, h.JobID)
		if isGone(err) {
			gone = append(gone, search.Entry{JobID: h.JobID})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		h.Source = s.d.viewJob(job).Source
		out = append(out, h)
	}
	return out, gone, nil
}

func (d *Daemon) searchTranscripts(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	request := api.SearchRequest{
		Words: q.text("q"), Speaker: q.text("speaker"), Since: q.time("since"), Until: q.time("until"),
		Limit: q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), Offset: q.number("offset", 0, 0, search.MaxOffset),
	}
	if err := q.done(); err != nil {
		return err
	}
	hits, err := d.search.query(r.Context(), request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.SearchHit]{Items: hits})
	return nil
}
