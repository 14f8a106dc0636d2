package engine_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/wer"
)

// bareWords are the words of s without case and punctuation.
func bareWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(s, "Mr.", "mister")), func(r rune) bool {
		return strings.ContainsRune(" \t\n.,!?;:\"-", r)
	})
}

// wordErrors is how many words must be changed, added or taken away to make
// got of want.
func wordErrors(want, got string) int { return wer.Errors(bareWords(want), bareWords(got)) }

// transcripts are what is said in the recordings of testdata/audio, by name.
func transcripts(tb testing.TB) map[string]string {
	tb.Helper()
	f, err := os.Open("../../testdata/audio/TRANSCRIPTS.txt")
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

// transcribeAll recognizes every recording of testdata/audio, and counts the
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

func TestRecordingsAreRecognizedWithFewWordErrors(t *testing.T) {
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

func TestWordsHaveTimesAndConfidence(t *testing.T) {
	res, err := pool(t, nil).Transcribe(t.Context(), engine.Request{JobID: "job_words", Path: recording(t, "0870"), Name: "a.wav"}, tiny(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]string, len(res.Words))
	for i, w := range res.Words {
		text[i] = w.Text
		inside := slices.ContainsFunc(res.Segments, func(s api.Segment) bool { return s.Start <= w.Start && w.End <= s.End })
		if !inside || w.End <= w.Start || i > 0 && w.Start < res.Words[i-1].Start {
			t.Errorf("got %q from %.2f to %.2f, want it after the word before and within a segment", w.Text, w.Start, w.End)
		}
		if w.Confidence == nil || *w.Confidence <= 0 || *w.Confidence > 1 {
			t.Errorf("got confidence %v of %q, want one up to 1", w.Confidence, w.Text)
		}
	}
	if got := strings.Join(text, " "); got != res.Text {
		t.Errorf("got words %q, want those of the text: %q", got, res.Text)
	}
	for _, s := range res.Segments {
		if s.Confidence == nil || *s.Confidence < 0.5 || *s.Confidence > 1 {
			t.Errorf("got confidence %v of %q, want a high one", s.Confidence, s.Text)
		}
	}
}

// The start of a word is where a forced alignment has it.
func TestWordsStartWhereTheyAreSaid(t *testing.T) {
	var errs []float64
	for id, want := range wordStarts(t) {
		res, err := pool(t, nil).Transcribe(t.Context(), engine.Request{JobID: "job_" + id, Path: recording(t, id), Name: "a.wav"}, tiny(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range res.Words {
			// A word that was recognized as another one has no place to compare.
			best := math.Inf(1)
			for _, r := range want {
				if plain := bareWords(w.Text); len(plain) > 0 && plain[0] == r.word {
					best = min(best, math.Abs(w.Start-r.start))
				}
			}
			if !math.IsInf(best, 1) {
				errs = append(errs, best)
			}
		}
	}
	slices.Sort(errs)
	if len(errs) < 50 {
		t.Fatalf("got %d words to compare, want most of 71", len(errs))
	}
	median, p90 := errs[len(errs)/2], errs[len(errs)*9/10]
	t.Logf("%d words: median %.3f s, nine of ten within %.3f s", len(errs), median, p90)
	if median > 0.08 || p90 > 0.25 {
		t.Errorf("got starts that are off by %.3f s (median) and %.3f s (nine of ten), want at most 0.08 and 0.25", median, p90)
	}
}

// wordStart is a word and the second at which it begins.
type wordStart struct {
	word  string
	start float64
}

// wordStarts are the words of the recordings of testdata/audio, by the end of
// their names.
func wordStarts(tb testing.TB) map[string][]wordStart {
	tb.Helper()
	b, err := os.ReadFile("../../testdata/audio/WORDS.txt")
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string][]wordStart{}
	for line := range strings.Lines(string(b)) {
		var id, word string
		var start float64
		if n, err := fmt.Sscan(line, &id, &start, &word); n != 3 {
			tb.Fatalf("line %q of WORDS.txt: %v, want name, second, word", line, err)
		}
		out[id] = append(out[id], wordStart{word, start})
	}
	return out
}
