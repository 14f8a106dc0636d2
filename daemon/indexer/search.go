package indexer

import (
	"context"
	"errors"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
)

// Search finds transcripts. The error is api.Unavailable, with the time to ask
// again after, while the index is far behind.
func (x *Indexer) Search(ctx context.Context, r api.SearchRequest) ([]api.SearchHit, error) {
	if err := x.upToDate(ctx); err != nil {
		return nil, err
	}
	idx, release, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	x.idle.Reset(x.cfg.CloseAfter)
	for {
		hits, err := idx.Query(ctx, r)
		if err != nil {
			return nil, err
		}
		out, gone, err := x.view(ctx, hits)
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
func (x *Indexer) view(ctx context.Context, hits []api.SearchHit) (out []api.SearchHit, gone []search.Entry, err error) {
	out = make([]api.SearchHit, 0, len(hits))
	for _, h := range hits {
		job, err := x.cfg.Store.Job(ctx, h.JobID)
		if errors.Is(err, api.NotFound) {
			gone = append(gone, search.Entry{JobID: h.JobID})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		h.Source = x.cfg.Source(job)
		out = append(out, h)
	}
	return out, gone, nil
}
