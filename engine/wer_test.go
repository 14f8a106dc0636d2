package engine_test

import (
	"bufio"
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

func TestRecordingsAreRecognisedWithFewWordErrors(t *testing.T) {
	p := pool(t, nil)
	model := tiny(t)
	errs, words := 0, 0
	for name, want := range transcripts(t) {
		id := name[strings.LastIndexByte(name, '-')+1:]
		res, err := p.Transcribe(t.Context(), engine.Request{JobID: name, Path: recording(t, id), Name: id + ".wav"}, model, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		e := wordErrors(want, res.Text)
		t.Logf("%s: %d errors: %s", id, e, res.Text)
		errs += e
		words += len(bareWords(want))
		if res.Language != "en" || res.Model != model.Name || res.JobID != name {
			t.Errorf("%s: got language %q, model %q, job %q, want en, %s, %s", id, res.Language, res.Model, res.JobID, model.Name, name)
		}
	}
	if words != 71 {
		t.Errorf("got %d words in the transcripts, want 71", words)
	}
	if errs > 5 {
		t.Errorf("got %d word errors in %d words, want at most 5", errs, words)
	}
}
