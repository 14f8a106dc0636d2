package search_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
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
	r.Text = r.JoinedText()
	return r
}

func put(x *search.Index, jobID string, at time.Time, r *api.Result) error {
	return x.Put([]search.Entry{{JobID: jobID, FinishedAt: at, Result: r}}, search.Place{})
}

var day = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

// ids returns the jobs that q finds.
func ids(t *testing.T, x *search.Index, q string) string {
	t.Helper()
	return asked(t, x, api.SearchRequest{Words: q})
}

// asked returns the jobs that r finds.
func asked(t *testing.T, x *search.Index, r api.SearchRequest) string {
	t.Helper()
	hits, err := x.Query(t.Context(), r)
	if err != nil {
		t.Fatalf("query %+v: %v", r, err)
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
		if err := put(x, fmt.Sprintf("job_%d", i), day.Add(time.Duration(i)*time.Hour), r); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestQuery_wordsPhrasesAndPrefixes(t *testing.T) {
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
		{"machine*", "job_1 job_0"}, // its stem is shorter than it
		{"weathr~", "job_2"},
		{"wether~ nothin~", "job_2"},
		{"weathr", ""},
		{"ab~", ""}, // so short a word has no other letters
		{"-weathr~ refund -northw*", "job_1"},
	} {
		if got := ids(t, x, c.q); got != c.want {
			t.Errorf("%q: got %q, want %q", c.q, got, c.want)
		}
	}
	if got := ids(t, x, "refund"); got != "job_0 job_1" && got != "job_1 job_0" {
		t.Errorf("refund: got %q, want both forms", got)
	}
}

func TestQuery_snippets(t *testing.T) {
	hits, err := filled(t).Query(t.Context(), api.SearchRequest{Words: "refund", Limit: 1})
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

func TestQuery_snippetsOfALongSegment(t *testing.T) {
	x := open(t, t.TempDir())
	defer shut(t, x)
	long := strings.Repeat("blah ëëë ", 200) + "zanzibar " + strings.Repeat("more words ", 200)
	if err := put(x, "job_a", day, &api.Result{Text: long}); err != nil {
		t.Fatal(err)
	}
	hits, err := x.Query(t.Context(), api.SearchRequest{Words: "zanzibar"})
	if err != nil || len(hits) != 1 || len(hits[0].Snippets) != 1 {
		t.Fatalf("got %v, %v, want one snippet", hits, err)
	}
	s := hits[0].Snippets[0]
	m := s.Matches[0]
	if len(s.Text) > 400 || s.Text[m[0]:m[1]] != "zanzibar" || !strings.HasPrefix(s.Text, "…") || !strings.HasSuffix(s.Text, "…") {
		t.Errorf("got %q with match %v", s.Text, m)
	}
}

func TestPut_replacesAndDeleteRemoves(t *testing.T) {
	x := filled(t)
	if err := put(x, "job_2", day, talk("All about snow.")); err != nil {
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
	if got := ids(t, x, "refund"); got != "job_0 job_1" && got != "job_1 job_0" {
		t.Errorf("got %q, want the others to stay", got)
	}
}

// calls is an index of calls between an agent and a caller, job_00 the oldest.
func calls(t *testing.T, n int) *search.Index {
	t.Helper()
	x := open(t, t.TempDir())
	t.Cleanup(func() { shut(t, x) })
	for i := range n {
		r := talk("Good morning.", "I want a refund now.", fmt.Sprintf("Call number %d.", i))
		r.Segments[1].Speaker = "Caller"
		if i%3 == 0 {
			r.Segments[0].Text, r.Segments[1].Text = "A refund takes a week.", "Good morning."
		}
		if err := put(x, fmt.Sprintf("job_%02d", i), day.Add(time.Duration(i)*time.Hour), r); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestQuery_byTimeAndSpeaker(t *testing.T) {
	x := calls(t, 6)
	hour := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		r    api.SearchRequest
		want string
	}{
		"all":                      {api.SearchRequest{Words: "morning"}, "job_05 job_04 job_03 job_02 job_01 job_00"},
		"since":                    {api.SearchRequest{Words: "morning", Since: hour(4)}, "job_05 job_04"},
		"until":                    {api.SearchRequest{Words: "morning", Until: hour(2)}, "job_01 job_00"},
		"between":                  {api.SearchRequest{Words: "morning", Since: hour(1), Until: hour(3)}, "job_02 job_01"},
		"said by the caller":       {api.SearchRequest{Words: "refund", Speaker: "caller"}, "job_05 job_04 job_02 job_01"},
		"said by the other":        {api.SearchRequest{Words: "refund", Speaker: "A"}, "job_03 job_00"},
		"each half by another":     {api.SearchRequest{Words: "refund morning", Speaker: "Caller"}, ""},
		"a phrase by the caller":   {api.SearchRequest{Words: `"refund now"`, Speaker: "Caller", Since: hour(4)}, "job_05 job_04"},
		"a guess by the caller":    {api.SearchRequest{Words: "refnud~", Speaker: "Caller", Until: hour(2)}, "job_01"},
		"a beginning by the other": {api.SearchRequest{Words: "refun*", Speaker: "A"}, "job_03 job_00"},
		"nobody of that name":      {api.SearchRequest{Words: "refund", Speaker: "Bob"}, ""},
	} {
		if got := asked(t, x, c.r); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	hits, err := x.Query(t.Context(), api.SearchRequest{Words: "morning", Speaker: "caller"})
	if err != nil || len(hits) != 2 {
		t.Fatalf("got %v, %v, want two calls", hits, err)
	}
	for _, s := range hits[0].Snippets {
		if s.Speaker != "Caller" {
			t.Errorf("got %+v, want only what the caller said", s)
		}
	}
}

func TestQuery_pages(t *testing.T) {
	const n = 25
	x := calls(t, n)
	for _, speaker := range []string{"", "caller"} {
		want := asked(t, x, api.SearchRequest{Words: "refund", Speaker: speaker, Limit: 100})
		var got []string
		for from := 0; from < n+4; from += 4 {
			if page := asked(t, x, api.SearchRequest{Words: "refund", Speaker: speaker, Limit: 4, Offset: from}); page != "" {
				got = append(got, page)
			}
		}
		if s := strings.Join(got, " "); s != want || want == "" {
			t.Errorf("speaker %q: got the pages %q, want %q", speaker, s, want)
		}
	}
}

func TestFinishedBefore_oldestFirst(t *testing.T) {
	x := calls(t, 5)
	got, err := x.FinishedBefore(t.Context(), day.Add(3*time.Hour), 1, 10)
	if want := []string{"job_01", "job_02"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestQuery_emptyIsInvalid(t *testing.T) {
	x := filled(t)
	for _, q := range []string{"", "  ", "-weather", "the", `""`, "?!", strings.Repeat("x", search.MaxQuery+1)} {
		if _, err := x.Query(t.Context(), api.SearchRequest{Words: q}); !errors.Is(err, api.Invalid) {
			t.Errorf("%.20q: got %v, want %v", q, err, api.Invalid)
		}
	}
}

func FuzzQuery(f *testing.F) {
	x := open(f, f.TempDir())
	f.Cleanup(func() { shut(f, x) })
	if err := put(x, "job_a", day, talk("Snow was on the hills.", "Söß snow \xff and rain")); err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{"snow", `"snow was`, "-rain snow", "hil*", `"" * - "-`, "söß", "\xff", "a*b*"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		hits, err := x.Query(t.Context(), api.SearchRequest{Words: q})
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
