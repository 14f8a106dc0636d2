package search

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/voxparse/voxparse/api"
)

// Hit is one transcript in which the query was found.
type Hit struct {
	JobID      string    `json:"job_id"`
	FinishedAt time.Time `json:"finished_at"`
	Score      float64   `json:"score"`
	Snippets   []Snippet `json:"snippets"`
}

// MaxQuery is how many bytes a query may have.
const MaxQuery = 1000

// Query returns the transcripts in which all words of q were said, best first,
// the newer of two alike first; at most limit, 20 when 0, never over 100.
// "Words in quotes" stand together; refund* begins so; -word must not be said.
// Endings do not matter: refund finds refunds. A query with nothing to look
// for is api.Invalid.
func (x *Index) Query(ctx context.Context, q string, limit int) ([]Hit, error) {
	analyzer := x.bleve.Mapping().AnalyzerNamed(en.AnalyzerName)
	parsed, err := parse(q, func(text string) bool { return len(analyzer.Analyze([]byte(text))) > 0 })
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = api.DefaultListLimit
	}
	req := bleve.NewSearchRequestOptions(parsed, min(limit, api.MaxListLimit), 0, false)
	req.Fields = []string{"text", "finished", "places"}
	req.IncludeLocations = true
	req.SortBy([]string{"-_score", "-finished", "_id"})
	res, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("search the transcripts: %w", err)
	}
	out := make([]Hit, 0, len(res.Hits))
	for _, h := range res.Hits {
		hit, err := newHit(h)
		if err != nil {
			return nil, err
		}
		out = append(out, hit)
	}
	return out, nil
}

func newHit(h *search.DocumentMatch) (Hit, error) {
	hit := Hit{JobID: h.ID, Score: h.Score}
	if at, ok := h.Fields["finished"].(float64); ok {
		hit.FinishedAt = time.UnixMilli(int64(at * 1000)).UTC()
	}
	text, _ := h.Fields["text"].(string)
	rawPlaces, _ := h.Fields["places"].(string)
	var matches [][2]int
	for _, locations := range h.Locations["text"] {
		for _, l := range locations {
			matches = append(matches, [2]int{int(l.Start), int(l.End)})
		}
	}
	var err error
	if hit.Snippets, err = snippets(text, rawPlaces, matches); err != nil {
		return Hit{}, fmt.Errorf("search result %s: %w", h.ID, err)
	}
	return hit, nil
}

// parse reads the query of a person. Nothing in it is a syntax error. Words
// for which indexed is false ("the") need not match.
func parse(q string, indexed func(string) bool) (query.Query, error) {
	if len(q) > MaxQuery {
		return nil, api.Errorf(api.Invalid, "the query is longer than %d bytes", MaxQuery)
	}
	all := bleve.NewBooleanQuery()
	wanted := 0
	for _, t := range terms(q) {
		var part query.Query
		switch {
		case !indexed(strings.TrimRight(t.text, "*")):
			continue
		case t.quoted:
			p := bleve.NewMatchPhraseQuery(t.text)
			p.SetField("text")
			part = p
		case len(t.text) > 2 && strings.HasSuffix(t.text, "*"):
			p := bleve.NewPrefixQuery(strings.ToLower(strings.TrimRight(t.text, "*")))
			p.SetField("text")
			part = p
		default:
			p := bleve.NewMatchQuery(t.text)
			p.SetField("text")
			p.SetOperator(query.MatchQueryOperatorAnd)
			part = p
		}
		if t.not {
			all.AddMustNot(part)
			continue
		}
		wanted++
		all.AddMust(part)
	}
	if wanted == 0 {
		return nil, api.Errorf(api.Invalid, "nothing to search for: give a word that was said")
	}
	return all, nil
}

type term struct {
	text        string
	quoted, not bool
}

// terms cuts q at white space outside of quotes.
func terms(q string) []term {
	var out []term
	for {
		q = strings.TrimLeftFunc(q, unicode.IsSpace)
		if q == "" {
			return out
		}
		var t term
		if strings.HasPrefix(q, "-") && len(q) > 1 {
			t.not, q = true, q[1:]
		}
		if strings.HasPrefix(q, `"`) {
			t.text, q, t.quoted = q[1:], "", true
			if i := strings.IndexByte(t.text, '"'); i >= 0 {
				t.text, q = t.text[:i], t.text[i+1:]
			}
		} else {
			i := strings.IndexFunc(q, unicode.IsSpace)
			if i < 0 {
				i = len(q)
			}
			t.text, q = q[:i], q[i:]
		}
		if strings.IndexFunc(t.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0 {
			continue
		}
		out = append(out, t)
	}
}
