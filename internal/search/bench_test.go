package search_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/benchtest"
	"github.com/voxparse/voxparse/internal/search"
)

// sizeEnv is how many transcripts the benchmark has, 2,000 without it. The
// figures are meant for 100,000; see testdata/bench.sh.
const sizeEnv = "VOXPARSE_SEARCH_TRANSCRIPTS"

// BenchmarkSearch fills an index with transcripts of 150 words whose words are
// as rare as those of a language are, and asks it.
func BenchmarkSearch(b *testing.B) {
	n := size(b)
	dir := b.TempDir()
	began := time.Now()
	fillWithTalk(b, dir, n)
	took := time.Since(began)
	b.Run("fill", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(float64(n)/took.Seconds(), "transcripts/s")
		b.ReportMetric(float64(sizeOf(b, dir))/1e6, "MB")
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			shut(b, open(b, dir))
		}
	})
	debug.FreeOSMemory()
	before := resident(b)
	x := open(b, dir)
	defer shut(b, x)
	for _, q := range []struct {
		name string
		r    api.SearchRequest
	}{
		{"common", api.SearchRequest{Words: word(3)}},
		{"rare", api.SearchRequest{Words: word(4000)}},
		{"three", api.SearchRequest{Words: word(5) + " " + word(40) + " " + word(90)}},
		{"phrase", api.SearchRequest{Words: `"` + word(3) + " " + word(7) + `"`}},
		{"prefix", api.SearchRequest{Words: word(40)[:3] + "*"}},
		{"fuzzy", api.SearchRequest{Words: word(400) + "x~"}},
		{"month", api.SearchRequest{Words: word(3), Since: day, Until: day.AddDate(0, 1, 0)}},
		{"speaker", api.SearchRequest{Words: word(40), Speaker: "caller"}},
		{"page-50", api.SearchRequest{Words: word(3), Offset: 1000}},
	} {
		b.Run(q.name, func(b *testing.B) { ask(b, x, q.r) })
	}
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
		}
		debug.FreeOSMemory()
		after := resident(b)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(after.own-before.own, "own-MB")
		b.ReportMetric(after.mapped-before.mapped, "mapped-MB")
	})
}

// size is how many transcripts are asked for.
func size(b *testing.B) int {
	s := os.Getenv(sizeEnv)
	if s == "" {
		return 2000
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		b.Fatalf("%s: got %q, want a number", sizeEnv, s)
	}
	return n
}

// ask reports how long answers took.
func ask(b *testing.B, x *search.Index, r api.SearchRequest) {
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := x.Query(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	benchtest.Quantiles(b, times)
}

// word is the nth word of an invented language.
func word(n uint64) string {
	syllables := strings.Fields("ka lo mi ne ru sa te vo bi do fu ge ha ji po")
	var s strings.Builder
	for n += 15; n > 0; n /= 15 {
		s.WriteString(syllables[n%15])
	}
	return s.String()
}

func fillWithTalk(b *testing.B, dir string, n int) {
	x := open(b, dir)
	defer shut(b, x)
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 3, 30_000)
	var batch []search.Entry
	for i := range n {
		r := &api.Result{}
		for k := range 10 {
			var text strings.Builder
			for range 15 {
				text.WriteString(word(zipf.Uint64()) + " ")
			}
			r.Segments = append(r.Segments, api.Segment{Start: float64(k) * 6, Speaker: []string{"Agent", "Caller"}[k%2], Text: text.String()})
		}
		batch = append(batch, search.Entry{JobID: fmt.Sprintf("job_%026d", i), FinishedAt: day.Add(time.Duration(i) * 5 * time.Minute), Result: r})
		if len(batch) == 200 || i == n-1 {
			if err := x.Put(batch, search.Place{Seq: uint64(i + 1)}); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

func sizeOf(b *testing.B, dir string) (total int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			total += st.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}

// memory is what of this process is in memory, in MB: its own, and of files
// that are mapped, which the system takes back when it needs to.
type memory struct{ own, mapped float64 }

// resident reads it where the system tells it, and is zero elsewhere.
func resident(b *testing.B) (m memory) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return m
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kB, err := strconv.ParseFloat(fields[1], 64)
		switch {
		case fields[0] == "RssAnon:" && err == nil:
			m.own = kB / 1000
		case fields[0] == "RssFile:" && err == nil:
			m.mapped = kB / 1000
		}
	}
	return m
}
