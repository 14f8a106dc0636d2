package search

import (
	"context"
	"encoding/binary"
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
const layout = "1"

// maxUnclean is how often in a row the process may end without Close before
// the index itself is suspected, and begun anew.
const maxUnclean = 3

// Index is a full-text index of transcripts. It may be used by several
// goroutines at once. Close it.
type Index struct {
	dir   string
	bleve bleve.Index
	mu    sync.Mutex // one writer at a time, so that LastSeq never goes back
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

func openFiles(files string) (bleve.Index, error) {
	b, err := bleve.OpenUsing(files, map[string]any{"bolt_timeout": "500ms"})
	if err != nil {
		return nil, err // and not the nil pointer that b holds
	}
	return b, nil
}

func newFiles(files string) (bleve.Index, error) {
	b, err := bleve.NewUsing(files, documentMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("begin the search index: %w", err)
	}
	if err := b.SetInternal([]byte("layout"), []byte(layout)); err != nil {
		return nil, errors.Join(fmt.Errorf("begin the search index: %w", err), b.Close())
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
		return maxUnclean, nil // a mark that cannot be read is a damaged index
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
// words, and the time for sorting. The rest is only kept.
func documentMapping() mapping.IndexMapping {
	text := bleve.NewTextFieldMapping()
	text.Analyzer = en.AnalyzerName
	text.Store, text.IncludeTermVectors, text.IncludeInAll, text.DocValues = true, true, false, false
	finished := bleve.NewNumericFieldMapping()
	finished.Store, finished.IncludeInAll = true, false
	places := bleve.NewTextFieldMapping()
	places.Index, places.Store, places.IncludeInAll, places.DocValues = false, true, false, false
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("text", text)
	doc.AddFieldMappingsAt("finished", finished)
	doc.AddFieldMappingsAt("places", places)
	m := bleve.NewIndexMapping()
	m.DefaultMapping = doc
	m.DefaultAnalyzer = en.AnalyzerName
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// Entry is one transcript for PutAll; a nil Result removes it.
type Entry struct {
	JobID      string
	FinishedAt time.Time
	Result     *api.Result
}

// Put adds the transcript of a job, or replaces it. It is on disk when Put
// returns.
func (x *Index) Put(jobID string, finishedAt time.Time, r *api.Result) error {
	return x.PutAll([]Entry{{jobID, finishedAt, r}}, 0)
}

// Delete removes the transcript of a job; one that is not there is no error.
func (x *Index) Delete(jobID string) error {
	return x.PutAll([]Entry{{JobID: jobID}}, 0)
}

// PutAll puts and removes entries and, where seq is over LastSeq, sets that,
// all in one commit: much faster than one by one. Some hundreds of entries at
// once are a good size.
func (x *Index) PutAll(entries []Entry, seq uint64) error {
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
	last, err := x.LastSeq()
	if err != nil {
		return err
	}
	if seq > last {
		b.SetInternal(seqKey, binary.BigEndian.AppendUint64(nil, seq))
	}
	if err := x.bleve.Batch(b); err != nil {
		return fmt.Errorf("index %d transcripts: %w", len(entries), err)
	}
	return nil
}

var seqKey = []byte("seq")

// LastSeq returns the store's sequence number up to which the index is
// complete, 0 for a new index.
func (x *Index) LastSeq() (uint64, error) {
	raw, err := x.bleve.GetInternal(seqKey)
	if err != nil {
		return 0, fmt.Errorf("read the place of the search index: %w", err)
	}
	if len(raw) != 8 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(raw), nil
}

// SetLastSeq says that the index is complete up to seq; it never goes back.
func (x *Index) SetLastSeq(seq uint64) error { return x.PutAll(nil, seq) }

// Count returns how many transcripts the index holds.
func (x *Index) Count(context.Context) (int, error) {
	n, err := x.bleve.DocCount()
	if err != nil {
		return 0, fmt.Errorf("count the search index: %w", err)
	}
	return int(n), nil
}
