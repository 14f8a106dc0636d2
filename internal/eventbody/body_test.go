package eventbody

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/webhooktest"
)

var update = flag.Bool("update", false, "write the golden files again")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the golden file (make it with -update): %v", err)
	}
	if got, want := string(got), strings.TrimSuffix(string(want), "\n"); got != want {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}

var sampleMeta = Meta{
	ID:        "evt_01kqe5v4n0exampleexample00",
	CreatedAt: time.Date(2026, 5, 3, 14, 0, 0, 999, time.FixedZone("CEST", 7200)),
	JobID:     "job_01kqe5v4n0exampleexample01",
	Source:    api.Source{Name: "call <3>.mp3", Size: 1234567, SHA256: strings.Repeat("0f", 32), Folder: "wat_01kqe5v4n0exampleexample03", Path: "2026/call <3>.mp3"},
	Metadata:  []byte(`{"7":true,"ticket_id":"T-1234","agent":"jane <jane@example.com>"}`),
}

func TestBodiesHaveTheAgreedShape(t *testing.T) {
	r := webhooktest.Result()
	completed, err1 := Completed(sampleMeta, r, "http://127.0.0.1:1/r")
	failed, err2 := Failed(sampleMeta, api.JobDamaged, "The file ends in the middle; export it again.")
	ping, err3 := Test(sampleMeta, "whk_01kqe5v4n0exampleexample02")
	noMeta := sampleMeta
	noMeta.Metadata = nil
	bare, err4 := Completed(noMeta, &api.Result{JobID: sampleMeta.JobID}, "")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	golden(t, "completed.json", completed)
	golden(t, "failed.json", failed)
	golden(t, "test.json", ping)
	golden(t, "completed-bare.json", bare)
	if len(r.Words) != 1 {
		t.Errorf("got the caller's words changed: %v", r.Words)
	}
}

func TestResultBodyIsTheDataResultOfTheEvent(t *testing.T) {
	for _, r := range []*api.Result{webhooktest.Result(), webhooktest.Call(30), webhooktest.Call(300)} {
		result, err := Result(r, "http://127.0.0.1/r")
		if err != nil {
			t.Fatal(err)
		}
		body, err := Completed(sampleMeta, r, "http://127.0.0.1/r")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(body, append([]byte(`"result":`), append(result, "}}"...)...)) {
			t.Errorf("got data.result other than Result:\n%.300s\n%.300s", body, result)
		}
	}
}

func TestTheLongestSourceFits(t *testing.T) {
	m := sampleMeta
	m.Metadata = []byte(`{"k":"` + strings.Repeat("m", api.MaxMetadata-8) + `"}`)
	for _, name := range []string{strings.Repeat("n", 5000), strings.Repeat("\x01", 5000), strings.Repeat("\\", 5000), strings.Repeat("语", 5000), "\xff\xfe"} {
		m.Source.Name, m.Source.Path = name, name+"/"+name
		body, err := Completed(m, webhooktest.Call(300), "http://127.0.0.1/r")
		if err != nil {
			t.Errorf("%.10q: %v", name, err)
			continue
		}
		var got struct{ Data struct{ Source api.Source } }
		if err := json.Unmarshal(body, &got); err != nil || got.Data.Source.Name == "" || len(got.Data.Source.Path) > maxPath {
			t.Errorf("%.10q: got the name %.20q and a path of %d bytes, %v", name, got.Data.Source.Name, len(got.Data.Source.Path), err)
		}
	}
}

type cut struct {
	Truncated  bool            `json:"truncated"`
	ResultURL  string          `json:"result_url"`
	Text       string          `json:"text"`
	Segments   []api.Segment   `json:"segments"`
	AIAnalysis json.RawMessage `json:"ai_analysis"`
}

func TestLongResultsLoseSegmentsThenAnalysisThenText(t *testing.T) {
	large := webhooktest.Call(46)
	large.AIAnalysis.Summary = []api.Quote{{Text: strings.Repeat("said and done ", 5000)}}
	tests := []struct {
		name                     string
		r                        *api.Result
		whole, segments, analyze bool
		text                     func(got, full string) bool
	}{
		{"46 minutes fit whole", webhooktest.Call(46), true, true, true, func(got, full string) bool { return got == full }},
		{"90 minutes keep text and analysis", webhooktest.Call(90), false, false, true, func(got, full string) bool { return got == full }},
		{"a large analysis goes before the text", large, false, false, false, func(got, full string) bool { return got == full }},
		{"five hours keep the beginning of the text", webhooktest.Call(300), false, false, false, func(got, full string) bool {
			return len(got) > 90_000 && strings.HasPrefix(full, got+" ")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const url = "http://127.0.0.1:8000/v1/jobs/job_1/result"
			body, err := Result(tt.r, url)
			if err != nil {
				t.Fatal(err)
			}
			var got cut
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			if got.Truncated == tt.whole || (got.ResultURL == url) == tt.whole {
				t.Errorf("got truncated %t, result_url %q, want whole: %t", got.Truncated, got.ResultURL, tt.whole)
			}
			if (len(got.Segments) > 0) != tt.segments || got.Segments == nil || (got.AIAnalysis != nil) != tt.analyze || !tt.text(got.Text, tt.r.Text) {
				t.Errorf("got %d segments, analysis %t, %d of %d bytes of text ending in %q", len(got.Segments), got.AIAnalysis != nil, len(got.Text), len(tt.r.Text), got.Text[max(0, len(got.Text)-20):])
			}
			if len(body) > maxResult {
				t.Errorf("got %d bytes, want at most %d", len(body), maxResult)
			}
		})
	}
}

func TestBodiesStayUnderTheLimitWhateverTheTextIs(t *testing.T) {
	const runes = 100_000
	texts := map[string]string{
		"control characters":       strings.Repeat("\x01", runes),
		"quotes":                   strings.Repeat(`"`, runes),
		"invalid UTF-8":            strings.Repeat("\xff", runes),
		"emoji without spaces":     strings.Repeat("😀", runes),
		"line separators":          strings.Repeat("\u2028", runes),
		"a letter and then marks":  "e" + strings.Repeat("\u0301", runes),
		"joined emoji":             strings.Repeat("👩\u200d", runes),
		"white space":              strings.Repeat(" ", runes),
		"one word of a megabyte":   strings.Repeat("a", 1<<20),
		"html":                     strings.Repeat("<&>", runes),
		"mixed with invalid bytes": strings.Repeat("a\xc3 \x1f\\", runes),
	}
	m := sampleMeta
	m.Metadata = []byte(`{"a":"` + strings.Repeat("\u2028", 1362) + `"}`)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			everywhere := &api.Result{JobID: "job_1", Text: text, Language: text, Model: text, Redactions: map[string]int{text: 1}, Segments: []api.Segment{{Text: text}}}
			for _, r := range []*api.Result{{JobID: "job_1", Text: text}, everywhere} {
				body, err := Completed(m, r, "http://127.0.0.1/"+strings.Repeat("x", 3000))
				if err != nil || len(body) >= api.MaxEventBody || !utf8.Valid(body) {
					t.Fatalf("Completed: got %d bytes, %v, want under %d of UTF-8", len(body), err, api.MaxEventBody)
				}
				if !json.Valid(body) {
					t.Errorf("got %.100q…, want JSON", body)
				}
			}
			body, err := Failed(m, text, text)
			if err != nil || len(body) >= api.MaxEventBody {
				t.Errorf("Failed: got %d bytes, %v, want under %d", len(body), err, api.MaxEventBody)
			}
		})
	}
}

func TestCutTextEndsAtAWordOrAWholeCharacter(t *testing.T) {
	tests := []struct {
		name, text string
		room       int
		want       string
	}{
		{"it fits", "one two", 7, "one two"},
		{"inside a word", "one two three", 10, "one two"},
		{"right after a word", "one two three", 7, "one two"},
		{"white space at the end goes", "one two  three", 8, "one two"},
		{"escapes count as they are written", "a\n\n\n\n", 5, "a"},
		{"a rune is not split", "ééé", 5, "éé"},
		{"a mark stays with its letter", "abe\u0301", 4, "ab"},
		{"a joined emoji stays whole", "ab👩\u200d👩", 9, "ab"},
		{"no room", "abc", 0, ""},
		{"negative room", "abc", -5, ""},
		{"a word longer than is looked back", "x " + strings.Repeat("y", 500), 400, "x " + strings.Repeat("y", 398)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := cutEscaped(tt.text, tt.room); got != tt.want {
				t.Errorf("cutEscaped(%q, %d): got %q, want %q", tt.text, tt.room, got, tt.want)
			}
		})
	}
}

func TestConfidenceThatIsNoNumberIsLeftOut(t *testing.T) {
	nan := math.NaN()
	body, err := Result(&api.Result{Segments: []api.Segment{{Text: "a", Confidence: &nan}}}, "")
	if err != nil || !bytes.Contains(body, []byte(`[{"start":0,"end":0,"text":"a"}]`)) {
		t.Errorf("got %s, %v, want a segment without confidence", body, err)
	}
}

func TestTooLongIDsAreRefused(t *testing.T) {
	m := sampleMeta
	m.ID = strings.Repeat("x", 65)
	if _, err := Test(m, ""); !errors.Is(err, api.Internal) {
		t.Errorf("got %v, want an internal error", err)
	}
}

func BenchmarkCompletedBody(b *testing.B) {
	r := webhooktest.Call(46)
	for b.Loop() {
		if _, err := Completed(sampleMeta, r, ""); err != nil {
			b.Fatal(err)
		}
	}
}
