package search

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/voxparse/voxparse/api"
)

// Query returns the transcripts in which all words of r were said, best first,
// the newer of two alike first; at most r.Limit, 20 when 0, never over 100.
// "Words in quotes" stand together; refund* begins so; dashwod~ may differ in a
// letter or two; -word must not be said. Endings do not matter: refund finds
// refunds. With r.Speaker, that speaker said all the words, and only what that
// speaker said is shown. Words with nothing to look for are api.Invalid. The
// source of a hit is for the caller to fill in.
func (x *Index) Query(ctx context.Context, r api.SearchRequest) ([]api.SearchHit, error) {
	w, err := parse(r.Words, x.bleve.Mapping().AnalyzerNamed(en.AnalyzerName))
	if err != nil {
		return nil, err
	}
	if filters := narrow(r); len(filters) > 0 {
		w.query.AddFilter(bleve.NewConjunctionQuery(filters...))
	}
	limit := r.Limit
	if limit <= 0 {
		limit = api.DefaultListLimit
	}
	limit = min(limit, api.MaxListLimit)
	if r.Speaker == "" {
		return x.page(ctx, w, "", r.Offset, limit)
	}
	// Who said a word is known only once a transcript is looked into.
	var out []api.SearchHit
	for from, skip := 0, r.Offset; len(out) < limit; from += api.MaxListLimit {
		hits, err := x.page(ctx, w, r.Speaker, from, api.MaxListLimit)
		if err != nil {
			return nil, err
		}
		if hits == nil {
			break
		}
		pass := min(skip, len(hits))
		skip, hits = skip-pass, hits[pass:]
		out = append(out, hits[:min(len(hits), limit-len(out))]...)
	}
	return out, nil
}

// narrow returns the conditions of r that its words do not say.
func narrow(r api.SearchRequest) []query.Query {
	var out []query.Query
	if !r.Since.IsZero() || !r.Until.IsZero() {
		var from, to *float64
		if !r.Since.IsZero() {
			from = seconds(r.Since)
		}
		if !r.Until.IsZero() {
			to = seconds(r.Until)
		}
		q := bleve.NewNumericRangeQuery(from, to)
		q.SetField("finished")
		out = append(out, q)
	}
	if r.Speaker != "" {
		q := bleve.NewTermQuery(strings.ToLower(r.Speaker))
		q.SetField("speakers")
		out = append(out, q)
	}
	return out
}

// seconds is a time as it is indexed.
func seconds(t time.Time) *float64 {
	s := float64(t.UnixMilli()) / 1000
	return &s
}

// page returns size transcripts after the first from, those left out in which
// not the speaker said it; nil past the last. It looks for places only in
// transcripts that are shown: a common word has very many.
func (x *Index) page(ctx context.Context, w lookup, speaker string, from, size int) ([]api.SearchHit, error) {
	req := bleve.NewSearchRequestOptions(w.query, size, from, false)
	req.SortBy([]string{"-_score", "-finished"})
	found, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("search the transcripts: %w", err)
	}
	if len(found.Hits) == 0 {
		return nil, nil
	}
	ids := make([]string, len(found.Hits))
	for i, h := range found.Hits {
		ids[i] = h.ID
	}
	req = bleve.NewSearchRequestOptions(bleve.NewConjunctionQuery(bleve.NewDocIDQuery(ids), w.query), len(ids), 0, false)
	req.Fields = []string{"text", "finished", "places"}
	req.IncludeLocations = true
	looked, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("look into the transcripts: %w", err)
	}
	byID := make(map[string]*search.DocumentMatch, len(looked.Hits))
	for _, h := range looked.Hits {
		byID[h.ID] = h
	}
	out := make([]api.SearchHit, 0, len(ids))
	for _, h := range found.Hits {
		full := byID[h.ID]
		if full == nil {
			continue // removed meanwhile
		}
		full.Score = h.Score
		hit, ok, err := w.show(full, speaker)
		if err != nil {
			return nil, fmt.Errorf("search result %s: %w", h.ID, err)
		}
		if ok {
			out = append(out, hit)
		}
	}
	return out, nil
}

// show makes a hit of what the library found. ok is false where the speaker
// did not say every part.
func (w lookup) show(h *search.DocumentMatch, speaker string) (hit api.SearchHit, ok bool, err error) {
	hit = api.SearchHit{JobID: h.ID, Score: h.Score}
	if at, ok := h.Fields["finished"].(float64); ok {
		hit.FinishedAt = time.UnixMilli(int64(math.Round(at * 1000))).UTC()
	}
	text, _ := h.Fields["text"].(string)
	raw, _ := h.Fields["places"].(string)
	p, err := parsePlaces(raw)
	if err != nil {
		return api.SearchHit{}, false, err
	}
	said := make([]bool, len(w.parts))
	var matches [][2]int
	for term, locations := range h.Locations["text"] {
		for _, l := range locations {
			if speaker != "" && !strings.EqualFold(p.speaker(p.segment(int(l.Start))), speaker) {
				continue
			}
			matches = append(matches, [2]int{int(l.Start), int(l.End)})
			for i := range w.parts {
				said[i] = said[i] || w.parts[i].says(term)
			}
		}
	}
	for i := range said {
		if speaker != "" && !said[i] {
			return api.SearchHit{}, false, nil
		}
	}
	hit.Snippets = p.snippets(text, matches)
	return hit, true, nil
}
