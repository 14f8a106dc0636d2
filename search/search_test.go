package search_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/search"
)

func open(t testing.TB, dir string) *search.Index {
	t.Helper()
	x, err := search.Open(dir, nil)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return x
}

func shut(t testing.TB, x *search.Index) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func talk(texts ...string) *api.Result {
	r := &api.Result{}
	for i, s := range texts {
		r.Segments = append(r.Segments, api.Segment{Start: float64(i) * 5, End: float64(i)*5 + 5, Speaker: "A", Text: s})
	}
	r.Text = api.JoinText(r.Segments)
	return r
}

var day = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

// ids returns the jobs that q finds.
func ids(t *testing.T, x *search.Index, q string) string {
	t.Helper()
	hits, err := x.Query(t.Context(), q, 0)
	if err != nil {
		t.Fatalf("query %q: %v", q, err)
	}
	var out []string
	for _, h := range hits {
		out = append(out, h.JobID)
	}
	return strings.Join(out, " ")
}

func filled(t *testing.T) *search.Index {
	t.Helper()
	x := open(t, t.TempDir())
	t.Cleanup(func() { shut(t, x) })
	for i, r := range []*api.Result{
		talk("Hello, this is Northwind.", "I want a refund for the washing machine."),
		talk("The machine was washing, and the refunds came late.", "Thank you."),
		talk("We talked about the weather and nothing else."),
	} {
		if err := x.Put(fmt.Sprintf("job_%d", i), day.Add(time.Duration(i)*time.Hour), r); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestQueryFindsWordsPhrasesAndPrefixes(t *testing.T) {
	x := filled(t)
	for _, c := range []struct{ q, want string }{
		{"weather", "job_2"},
		{"WEATHER", "job_2"},
		{`"washing machine"`, "job_0"},
		{`refund -northwind`, "job_1"},
		{"northw*", "job_0"},
		{"the weather", "job_2"},
		{"refund weather", ""},
		{"nobody", ""},
		{`"weather and nothing`, "job_2"},
		{"weather AND ) ( : ~ ^ \\", "job_2"},
	} {
		if got := ids(t, x, c.q); got != c.want {
			t.Errorf("%q: got %q, want %q", c.q, got, c.want)
		}
	}
	if got := ids(t, x, "refund"); got != "job_0 job_1" && got != "job_1 job_0" {
		t.Errorf("refund: got %q, want both forms", got)
	}
}

func TestQueryShowsWhereItWasSaid(t *testing.T) {
	hits, err := filled(t).Query(t.Context(), "refund", 1)
	if err != nil || len(hits) != 1 {
		t.Fatalf("got %v, %v, want one hit", hits, err)
	}
	h := hits[0]
	if len(h.Snippets) != 1 {
		t.Fatalf("got %+v, want one snippet", h)
	}
	s := h.Snippets[0]
	if got := s.Text[s.Matches[0][0]:s.Matches[0][1]]; !strings.HasPrefix(got, "refund") {
		t.Errorf("got the match %q, want refund", got)
	}
	if h.JobID == "job_0" && (s.Segment != 1 || s.Start != 5) || s.Speaker != "A" || h.FinishedAt.Day() != 3 {
		t.Errorf("got %+v", h)
	}
}

func TestSnippetsOfALongSegmentAreCutAroundTheMatch(t *testing.T) {
	x := open(t, t.TempDir())
	defer shut(t, x)
	long := strings.Repeat("blah ëëë ", 200) + "zanzibar " + strings.Repeat("more words ", 200)
	if err := x.Put("job_a", day, &api.Result{Text: long}); err != nil {
		t.Fatal(err)
	}
	hits, err := x.Query(t.Context(), "zanzibar", 0)
	if err != nil || len(hits) != 1 || len(hits[0].Snippets) != 1 {
		t.Fatalf("got %v, %v, want one snippet", hits, err)
	}
	s := hits[0].Snippets[0]
	m := s.Matches[0]
	if len(s.Text) > 400 || s.Text[m[0]:m[1]] != "zanzibar" || !strings.HasPrefix(s.Text, "…") || !strings.HasSuffix(s.Text, "…") {
		t.Errorf("got %q with match %v", s.Text, m)
	}
}

func TestPutReplacesAndDeleteRemoves(t *testing.T) {
	x := filled(t)
	if err := x.Put("job_2", day, talk("All about snow.")); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, x, "weather") + "|" + ids(t, x, "snow"); got != "|job_2" {
		t.Errorf("got %q, want only the new text", got)
	}
	for range 2 {
		if err := x.Delete("job_2"); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(t, x, "snow"); got != "" {
		t.Errorf("got %q after delete, want none", got)
	}
	if n, err := x.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("got %d, %v, want 2", n, err)
	}
}

func TestEmptyQueriesAreInvalid(t *testing.T) {
	x := filled(t)
	for _, q := range []string{"", "  ", "-weather", "the", `""`, "?!", strings.Repeat("x", search.MaxQuery+1)} {
		if _, err := x.Query(t.Context(), q, 0); !errors.Is(err, api.Invalid) {
			t.Errorf("%.20q: got %v, want %v", q, err, api.Invalid)
		}
	}
}

func TestLastSeqIsKeptAndNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	if err := x.PutAll([]search.Entry{{JobID: "job_a", FinishedAt: day, Result: talk("snow")}}, 7); err != nil {
		t.Fatal(err)
	}
	if err := x.SetLastSeq(3); err != nil {
		t.Fatal(err)
	}
	shut(t, x)
	x = open(t, dir)
	defer shut(t, x)
	if n, err := x.LastSeq(); n != 7 || err != nil {
		t.Errorf("got %d, %v, want 7", n, err)
	}
	if got := ids(t, x, "snow"); got != "job_a" {
		t.Errorf("got %q after reopening, want job_a", got)
	}
}

func TestADamagedIndexIsBegunAnew(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no meta file": func(dir string) error { return os.Remove(filepath.Join(dir, "files", "index_meta.json")) },
		"bad meta file": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "files", "index_meta.json"), []byte("{"), 0o600)
		},
		"bad root": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "files", "store", "root.bolt"), make([]byte, 9000), 0o600)
		},
		"gone": func(dir string) error { return os.RemoveAll(dir) },
		"a file in its place": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "files")), os.WriteFile(filepath.Join(dir, "files"), nil, 0o600))
		},
		"often ended uncleanly": func(dir string) error { return os.WriteFile(filepath.Join(dir, "open"), []byte("3"), 0o600) },
		"an unreadable mark":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "open"), []byte("?"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "search")
			x := open(t, dir)
			if err := x.PutAll([]search.Entry{{JobID: "job_a", FinishedAt: day, Result: talk("snow")}}, 7); err != nil {
				t.Fatal(err)
			}
			shut(t, x)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			x = open(t, dir)
			defer shut(t, x)
			if n, err := x.LastSeq(); n != 0 || err != nil {
				t.Errorf("got last sequence %d, %v, want 0: the owner must fill it again", n, err)
			}
			if err := x.Put("job_b", day, talk("snow again")); err != nil {
				t.Fatal(err)
			}
			if got := ids(t, x, "snow"); got != "job_b" {
				t.Errorf("got %q, want job_b", got)
			}
		})
	}
}

func TestAnIndexInUseIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	defer shut(t, x)
	if err := x.Put("job_a", day, talk("snow")); err != nil {
		t.Fatal(err)
	}
	if _, err := search.Open(dir, nil); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v, want %v", err, api.Conflict)
	}
	if got := ids(t, x, "snow"); got != "job_a" {
		t.Errorf("got %q, want the first index whole", got)
	}
}

func FuzzQuery(f *testing.F) {
	x := open(f, f.TempDir())
	f.Cleanup(func() { shut(f, x) })
	if err := x.Put("job_a", day, talk("Snow was on the hills.", "Söß snow \xff and rain")); err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{"snow", `"snow was`, "-rain snow", "hil*", `"" * - "-`, "söß", "\xff", "a*b*"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		hits, err := x.Query(t.Context(), q, 0)
		if err != nil && !errors.Is(err, api.Invalid) {
			t.Errorf("%q: got %v, want a result or %v", q, err, api.Invalid)
		}
		for _, h := range hits {
			for _, s := range h.Snippets {
				for _, m := range s.Matches {
					if m[0] < 0 || m[0] >= m[1] || m[1] > len(s.Text) {
						t.Errorf("%q: got match %v in %q", q, m, s.Text)
					}
				}
			}
		}
	})
}

// BenchmarkQueryIn100000Transcripts fills an index of 100,000 transcripts of
// about 120 words, and then asks it.
func BenchmarkQueryIn100000Transcripts(b *testing.B) {
	words := strings.Fields("refund invoice contract meeting schedule budget report customer shipment account product feature release server database discount warranty manager supplier weather holiday project team design market price order delivery return payment")
	x := open(b, b.TempDir())
	defer shut(b, x)
	began := time.Now()
	var batch []search.Entry
	for i := range 100_000 {
		var segs []string
		for k := range 8 {
			var s strings.Builder
			for j := range 15 {
				n := (i*31 + k*17 + j*j*7 + i/97*j) % (len(words) * 40)
				if n < len(words) {
					s.WriteString(words[n] + " ")
				} else {
					fmt.Fprintf(&s, "filler%d ", n%5000+(i*j)%400)
				}
			}
			segs = append(segs, s.String())
		}
		batch = append(batch, search.Entry{JobID: fmt.Sprintf("job_%06d", i), FinishedAt: day.Add(time.Duration(i) * time.Minute), Result: talk(segs...)})
		if len(batch) == 500 {
			if err := x.PutAll(batch, uint64(i)); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	b.Logf("100,000 transcripts in %.1f s", time.Since(began).Seconds())
	b.Run("word", func(b *testing.B) { ask(b, x, "refund") })
	b.Run("two words", func(b *testing.B) { ask(b, x, "refund holiday") })
	b.Run("phrase", func(b *testing.B) { ask(b, x, `"refund filler30"`) })
	b.Run("prefix", func(b *testing.B) { ask(b, x, "refu*") })
}

func ask(b *testing.B, x *search.Index, q string) {
	for b.Loop() {
		if _, err := x.Query(b.Context(), q, 20); err != nil {
			b.Fatal(err)
		}
	}
}
