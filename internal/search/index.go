package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"

	"github.com/voxparse/voxparse/api"
)

// layout is the version of what a document holds; another one is rebuilt.
const layout = "2"

// maxUnclean is how often in a row the process may end without Close before
// the index itself is suspected, and begun anew.
const maxUnclean = 3

// Index is a full-text index of transcripts. It may be used by several
// goroutines at once. Whoever opens it closes it.
type Index struct {
	dir   string
	bleve bleve.Index
	mu    sync.Mutex // one writer at a time, so that Place never goes back
}

// Open opens the index in dir, a folder of its own that no other process uses,
// or begins it. It gives api.Conflict where another process has it open.
func Open(dir string, log *slog.Logger) (*Index, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the search index: %w", err)
	}
	unclean, err := uncleanEnds(dir)
	if err != nil {
		return nil, err
	}
	files := filepath.Join(dir, "files")
	b, err := openFiles(files)
	if err == nil && unclean < maxUnclean {
		if v, verr := b.GetInternal([]byte("layout")); verr == nil && string(v) == layout {
			return begun(dir, b, unclean)
		}
	}
	if b != nil {
		if cerr := b.Close(); cerr != nil {
			log.Warn("close the old search index", "error", cerr)
		}
	}
	if isLocked(err) {
		return nil, fmt.Errorf("open the search index: %w", api.Errorf(api.Conflict, "another process has the search index open"))
	}
	if err == nil || !errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
		log.Warn("search index begun anew", "error", err, "unclean_ends", unclean)
	}
	if err := os.RemoveAll(files); err != nil {
		return nil, fmt.Errorf("remove the old search index: %w", err)
	}
	if b, err = newFiles(files); err != nil {
		return nil, err
	}
	return begun(dir, b, 0)
}

// openFiles opens what is below files. The library may panic on what is not as
// it was written.
func openFiles(files string) (b bleve.Index, err error) {
	bad, err := damaged(files)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	b, err = bleve.OpenUsing(files, map[string]any{"bolt_timeout": "500ms"})
	if err != nil {
		return nil, err // and not the nil pointer that b holds
	}
	return b, uses(b, bad)
}

func newFiles(files string) (bleve.Index, error) {
	b, err := bleve.NewUsing(files, documentMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("create the search index: %w", err)
	}
	if err := b.SetInternal([]byte("layout"), []byte(layout)); err != nil {
		return nil, errors.Join(fmt.Errorf("create the search index: %w", err), b.Close())
	}
	return b, nil
}

// isLocked reports whether err is that of a file lock held elsewhere. The
// library gives it as text only.
func isLocked(err error) bool {
	return err != nil && strings.HasSuffix(err.Error(), "timeout")
}

// uncleanEnds returns how often in a row the index was not closed.
func uncleanEnds(dir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "open"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the mark of the search index: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return maxUnclean, nil //nolint:nilerr // a mark that cannot be read is a damaged index
	}
	return n, nil
}

// begun marks the index as open, until Close.
func begun(dir string, b bleve.Index, unclean int) (*Index, error) {
	if err := os.WriteFile(filepath.Join(dir, "open"), []byte(strconv.Itoa(unclean+1)), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("mark the search index as open: %w", err), b.Close())
	}
	return &Index{dir: dir, bleve: b}, nil
}

// Close writes what is pending and releases the files.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.bleve.Close(); err != nil {
		return fmt.Errorf("close the search index: %w", err)
	}
	if err := os.Remove(filepath.Join(x.dir, "open")); err != nil {
		return fmt.Errorf("close the search index: %w", err)
	}
	return nil
}

// documentMapping says what is indexed: the text with the positions of its
// words, the time, and who spoke. The rest is only kept.
func documentMapping() mapping.IndexMapping {
	text := bleve.NewTextFieldMapping()
	text.Analyzer = en.AnalyzerName
	text.Store, text.IncludeTermVectors, text.IncludeInAll, text.DocValues = true, true, false, false
	finished := bleve.NewNumericFieldMapping()
	finished.Store, finished.IncludeInAll = true, false
	speakers := bleve.NewKeywordFieldMapping()
	speakers.Store, speakers.IncludeInAll, speakers.DocValues = false, false, false
	places := bleve.NewTextFieldMapping()
	places.Index, places.Store, places.IncludeInAll, places.DocValues = false, true, false, false
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("text", text)
	doc.AddFieldMappingsAt("finished", finished)
	doc.AddFieldMappingsAt("speakers", speakers)
	doc.AddFieldMappingsAt("places", places)
	m := bleve.NewIndexMapping()
	m.DefaultMapping = doc
	m.DefaultAnalyzer = en.AnalyzerName
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// Entry is one transcript for Put; a nil Result removes it.
type Entry struct {
	JobID      string
	FinishedAt time.Time
	Result     *api.Result
}

// Place is a place in the store's log of events, up to which an index is
// complete. The id of the event tells one store from another that has come as
// far, such as an older copy that was put back. The zero Place is the start.
type Place struct {
	Seq   uint64 `json:"seq"`
	Event string `json:"event"`
}

// Put puts, replaces and removes transcripts and, where upTo is later than
// Place, sets that, all in one commit. It is on disk when Put returns. Some
// hundreds of entries at once are much faster than one by one.
func (x *Index) Put(entries []Entry, upTo Place) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := x.bleve.NewBatch()
	for _, e := range entries {
		if e.Result == nil {
			b.Delete(e.JobID)
			continue
		}
		if err := b.Index(e.JobID, newDocument(e)); err != nil {
			return fmt.Errorf("index the transcript of %s: %w", e.JobID, err)
		}
	}
	last, err := x.Place()
	if err != nil {
		return err
	}
	if upTo.Seq > last.Seq {
		raw, err := json.Marshal(upTo)
		if err != nil {
			return fmt.Errorf("index %d transcripts: %w", len(entries), err)
		}
		b.SetInternal(placeKey, raw)
	}
	if err := x.bleve.Batch(b); err != nil {
		return fmt.Errorf("index %d transcripts: %w", len(entries), err)
	}
	return nil
}

// Delete removes the transcript of a job; one that is not there is no error.
func (x *Index) Delete(jobID string) error {
	return x.Put([]Entry{{JobID: jobID}}, Place{})
}

var placeKey = []byte("place")

// Place returns how far the index has come, the zero Place for a new one.
func (x *Index) Place() (Place, error) {
	var p Place
	raw, err := x.bleve.GetInternal(placeKey)
	if err != nil {
		return p, fmt.Errorf("read the place of the search index: %w", err)
	}
	if raw == nil {
		return p, nil
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("read the place of the search index: %w", err)
	}
	return p, nil
}

// FinishedBefore returns the jobs whose transcripts were finished before t,
// oldest first: at most n, after the first skip.
func (x *Index) FinishedBefore(ctx context.Context, t time.Time, skip, n int) ([]string, error) {
	q := bleve.NewNumericRangeQuery(nil, seconds(t))
	q.SetField("finished")
	req := bleve.NewSearchRequestOptions(q, n, skip, false)
	req.SortBy([]string{"finished", "_id"})
	res, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("list old transcripts: %w", err)
	}
	ids := make([]string, len(res.Hits))
	for i, h := range res.Hits {
		ids[i] = h.ID
	}
	return ids, nil
}

// Discard closes the index and removes it. Open begins it anew.
func (x *Index) Discard() error {
	if err := x.Close(); err != nil {
		return err
	}
	if err := os.RemoveAll(x.dir); err != nil {
		return fmt.Errorf("remove the search index: %w", err)
	}
	return nil
}
