package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/search"
	"github.com/voxparse/voxparse/store"
)

const (
	searchIdle  = 5 * time.Minute // an index that nobody asks is closed: it costs memory
	searchBatch = 200             // transcripts put into the index at once
)

// searcher finds transcripts by what was said. Its index is derived data: it is
// opened by the first question, brought up to date from the events in the
// store, and closed again when nobody asks. Whoever never searches pays
// nothing.
type searcher struct {
	d    *Daemon
	mu   sync.Mutex
	idx  *search.Index // nil while closed
	idle *time.Timer
}

func (s *searcher) dir() string { return filepath.Join(s.d.cfg.DataDir, "search") }

// open returns the index. Call it with mu held.
func (s *searcher) open() (*search.Index, error) {
	if s.idx == nil {
		idx, err := search.Open(s.dir(), s.d.log)
		if err != nil {
			return nil, err
		}
		s.idx = idx
		s.idle = time.AfterFunc(searchIdle, s.close)
	}
	s.idle.Reset(searchIdle)
	return s.idx, nil
}

// close gives the index back, if it is open.
func (s *searcher) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idx == nil {
		return
	}
	s.idle.Stop()
	if err := s.idx.Close(); err != nil {
		s.d.log.Error("close the search index", "error", err)
	}
	s.idx = nil
}

// query finds transcripts. Those that were deleted since they were indexed are
// taken out of the index, and of the answer.
func (s *searcher) query(ctx context.Context, q string, limit int) ([]api.SearchHit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idx, err := s.open()
	if err != nil {
		return nil, err
	}
	if err := s.catchUp(ctx, idx); err != nil {
		return nil, err
	}
	hits, err := idx.Query(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.SearchHit, 0, len(hits))
	for _, h := range hits {
		job, err := s.d.db.Job(ctx, h.JobID)
		if isGone(err) {
			if err := idx.Delete(h.JobID); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		view := api.SearchHit{JobID: h.JobID, Source: s.d.viewJob(job).Source, FinishedAt: h.FinishedAt, Score: h.Score, Snippets: []api.SearchSnippet{}}
		for _, p := range h.Snippets {
			view.Snippets = append(view.Snippets, api.SearchSnippet(p))
		}
		out = append(out, view)
	}
	return out, nil
}

// catchUp puts what was completed since the index was last brought up to date.
func (s *searcher) catchUp(ctx context.Context, idx *search.Index) error {
	seq, err := idx.LastSeq()
	if err != nil {
		return err
	}
	for {
		events, err := s.d.db.EventsSince(ctx, seq, searchBatch)
		if err != nil || len(events) == 0 {
			return err
		}
		seq = events[len(events)-1].Seq
		entries := make([]search.Entry, 0, len(events))
		for _, e := range events {
			entry, err := s.entry(ctx, e)
			if err != nil {
				return err
			}
			if entry.Result != nil {
				entries = append(entries, entry)
			}
		}
		if err := idx.PutAll(entries, seq); err != nil {
			return err
		}
	}
}

// entry is what the index is to hold of an event: nothing, where it is not
// about a transcript that still exists.
func (s *searcher) entry(ctx context.Context, e store.Event) (search.Entry, error) {
	if e.Type != api.EventCompleted {
		return search.Entry{}, nil
	}
	stored, err := s.d.db.Result(ctx, e.JobID)
	if isGone(err) {
		return search.Entry{}, nil
	}
	if err != nil {
		return search.Entry{}, err
	}
	var result api.Result
	if err := json.Unmarshal(stored, &result); err != nil {
		return search.Entry{}, fmt.Errorf("read the result of %s: %w", e.JobID, err)
	}
	return search.Entry{JobID: e.JobID, FinishedAt: e.CreatedAt, Result: &result}, nil
}

// forget takes a deleted transcript out of the index at once, if there is one.
func (s *searcher) forget(jobID string) {
	if _, err := os.Stat(s.dir()); errors.Is(err, os.ErrNotExist) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	idx, err := s.open()
	if err == nil {
		err = idx.Delete(jobID)
	}
	if err != nil {
		s.d.log.Error("take a transcript out of the search index", "job", jobID, "error", err)
	}
}

func (d *Daemon) searchTranscripts(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	words, limit := q.text("q"), q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit)
	if err := q.done(); err != nil {
		return err
	}
	hits, err := d.search.query(r.Context(), words, limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.SearchHit]{Items: hits})
	return nil
}
