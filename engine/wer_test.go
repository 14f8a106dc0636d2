package engine_test

import (
	"bufio"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/engine"
)

// bareWords are the words of s without case and punctuation.
func bareWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(s, "Mr.", "mister")), func(r rune) bool {
		return strings.ContainsRune(" \t\n.,!?;:\"-", r)
	})
}

// wordErrors is how many words must be changed, added or taken away to make
// got of want.
func wordErrors(want, got string) int {
	w, g := bareWords(want), bareWords(got)
	row := make([]int, len(g)+1)
	for j := range row {
		row[j] = j
	}
	for i := range w {
		diagonal := row[0]
		row[0] = i + 1
		for j := range g {
			cost := diagonal
			if w[i] != g[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(g)]
}

// transcripts are what is said in the recordings of testdata/audio, by name.
func transcripts(tb testing.TB) map[string]string {
	tb.Helper()
	f, err := os.Open("../testdata/audio/TRANSCRIPTS.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, text, ok := strings.Cut(s.Text(), "\t")
		if !ok {
			tb.Fatalf("line %q of TRANSCRIPTS.txt, want name, tab, words", s.Text())
		}
		out[name] = text
	}
	return out
}

// transcribeAll recognises every recording of testdata/audio, and counts the
// words in them, the word errors, and the audio in seconds.
func transcribeAll(tb testing.TB, p *engine.Pool, m engine.Model) (words, errs int, length float64) {
	tb.Helper()
	for name, want := range transcripts(tb) {
		id := name[strings.LastIndexByte(name, '-')+1:]
		res, err := p.Transcribe(tb.Context(), engine.Request{JobID: name, Path: recording(tb, id), Name: id + ".wav"}, m, nil)
		if err != nil {
			tb.Errorf("%s: %v", name, err)
			continue
		}
		errs += wordErrors(want, res.Text)
		words += len(bareWords(want))
		length += res.DurationSeconds
		if res.Language != "en" || res.Model != m.Name || res.JobID != name {
			tb.Errorf("%s: got language %q, model %q, job %q, want en, %s, %s", id, res.Language, res.Model, res.JobID, m.Name, name)
		}
	}
	return words, errs, length
}

func TestRecordingsAreRecognisedWithFewWordErrors(t *testing.T) {
	words, errs, _ := transcribeAll(t, pool(t, nil), tiny(t))
	if words != 71 {
		t.Errorf("got %d words in the transcripts, want 71", words)
	}
	if errs > 5 {
		t.Errorf("got %d word errors in %d words, want at most 5", errs, words)
	}
}

// BenchmarkWordErrors reports the word error rate on the recordings, and the
// speed on such short files.
func BenchmarkWordErrors(b *testing.B) {
	p, model := pool(b, func(c *engine.Config) { c.Logger = slog.New(slog.DiscardHandler) }), tiny(b)
	transcribeAll(b, p, model) // warms the worker
	var words, errs int
	var length float64
	for b.Loop() {
		w, e, l := transcribeAll(b, p, model)
		words, errs, length = words+w, errs+e, length+l
	}
	b.ReportMetric(100*float64(errs)/float64(words), "word_errors_%")
	b.ReportMetric(length/b.Elapsed().Seconds(), "audio_s/s")
}
