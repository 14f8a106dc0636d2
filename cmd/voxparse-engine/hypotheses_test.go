package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// paused is a piece of 12 s with a pause from 5 to 6 s.
func paused() piece {
	p := piece{start: 1000, end: 1000 + 12*sampleRate, lead: padBefore, feed: make([]float32, padBefore+12*sampleRate+padAfter)}
	for i := range p.feed {
		p.feed[i] = float32(i)
	}
	p.pauses = []pause{{p.start + 5*sampleRate, p.start + 6*sampleRate}}
	return p
}

// read is a text of n tokens of this mean score.
func read(text string, n int, mean float64) heard {
	return heard{text: text, tokens: make([]string, n), generated: true, scored: true, score: mean * float64(n+1)}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		name         string
		whole, parts heard
		want         []string
		calls        int
	}{
		{"sure", read("all of it", 30, -0.05), read("part", 15, -0.01), []string{"all of it"}, 1},
		{"empty", read("", 0, 0), read("part", 15, -0.1), []string{"part", "part"}, 2},
		{"too little", read("all", 3, -0.1), read("part", 15, -0.02), []string{"part", "part"}, 2},
		{"unsure, and worse in parts", read("all of it", 30, -0.7), read("part", 15, -1), []string{"all of it"}, 2},
		{"unsure, and better in parts", read("all of it", 30, -0.7), read("part", 15, -0.2), []string{"part", "part"}, 2},
		{"unsure, and less in parts", read("all of it", 30, -0.7), read("part", 5, -0.2), []string{"all of it"}, 2},
		{"looping", read(strings.Repeat("again ", 30), 30, -0.01), read("part", 15, -0.9), []string{"part", "part"}, 2},
		{"a model without scores", heard{text: "all", generated: true}, read("part", 15, -0.2), []string{"all"}, 1},
	}
	for _, tt := range tests {
		calls := 0
		rec := recognizerFunc(func(feed []float32) heard {
			if len(feed) == len(paused().feed) {
				return tt.whole
			}
			return tt.parts
		})
		a := &assignment{piece: paused(), answer: make(chan struct{})}
		if err := answer(counted{rec, &calls}, []*assignment{a}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range a.parts {
			got = append(got, p.heard.text)
		}
		if !slices.Equal(got, tt.want) || calls != tt.calls {
			t.Errorf("%s: got %q after %d calls, want %q after %d", tt.name, got, calls, tt.want, tt.calls)
		}
	}
}

// counted counts calls.
type counted struct {
	recognizer
	calls *int
}

func (c counted) recognize(feeds [][]float32) ([]heard, error) {
	*c.calls++
	return c.recognizer.recognize(feeds)
}

// A word that padding hides is found without it, where the model is sure.
func TestChoose_bareWhereNothingIsHeard(t *testing.T) {
	p := paused()
	p.pauses = nil
	for _, tt := range []struct {
		mean float64
		want string
	}{{-0.3, "ask not"}, {-0.9, ""}} {
		rec := recognizerFunc(func(feed []float32) heard {
			if len(feed) == len(p.feed) {
				return read("", 0, 0)
			}
			h := read("ask not", 2, tt.mean)
			h.words = []api.Word{{Start: 0.1, End: 0.2, Text: "ask"}, {Start: 0.2, End: 0.3, Text: "not"}}
			return h
		})
		parts, _, err := choose(p, read("", 0, 0), rec)
		if err != nil || len(parts) != 1 || parts[0].heard.text != tt.want {
			t.Fatalf("got %v (%v), want %q", parts, err, tt.want)
		}
		if tt.want != "" && math.Abs(parts[0].heard.words[0].Start-0.3) > 1e-9 {
			t.Errorf("got a word at %.2f, want it after the padding at 0.3", parts[0].heard.words[0].Start)
		}
	}
}

// What the recording has around a word is read with it, our silence is not.
func TestChoose_bareWithWhatIsAround(t *testing.T) {
	p := piece{start: 2000, end: 10000, lead: padBefore, feed: make([]float32, padBefore+8000+padAfter)}
	for i := padBefore - 500; i < padBefore+8000+700; i++ {
		p.feed[i] = 0.1
	}
	rec := recognizerFunc(func(feed []float32) heard {
		switch len(feed) {
		case 500 + 8000 + 700:
			h := read("ask not", 2, -0.4)
			h.words = []api.Word{{Start: 0.1, End: 0.2, Text: "ask"}, {Start: 0.2, End: 0.3, Text: "not"}}
			return h
		case 8000:
			return read("ass", 1, -0.6)
		}
		t.Errorf("got %d samples to read", len(feed))
		return heard{}
	})
	parts, _, err := choose(p, read("", 0, 0), rec)
	if err != nil || len(parts) != 1 || parts[0].heard.text != "ask not" {
		t.Fatalf("got %v (%v), want what scores better", parts, err)
	}
	if at, want := parts[0].heard.words[0].Start, 0.1+seconds(padBefore-500); math.Abs(at-want) > 1e-9 {
		t.Errorf("got a word at %.3f, want %.3f", at, want)
	}
}

func TestSentences(t *testing.T) {
	words := []api.Word{{Start: 0.3, End: 1, Text: "One"}, {Start: 1, End: 2, Text: "two."}, {Start: 4, End: 5, Text: "Three"}, {Start: 7, End: 8, Text: "four."}}
	whole := part{start: 0, end: 9 * sampleRate, feedStart: 0, heard: heard{text: "One two. Three four.", words: words},
		pauses: []pause{{2 * sampleRate, 4 * sampleRate}, {5 * sampleRate, 7 * sampleRate}}}
	got := sentences([]part{whole})
	if len(got) != 2 || got[0].heard.text != "One two." || got[1].heard.text != "Three four." {
		t.Fatalf("got %d parts, want a sentence each, the pause within the second is none: %v", len(got), got)
	}
	if got[0].end != 2*sampleRate || got[1].start != 4*sampleRate || got[1].end != whole.end {
		t.Errorf("got %d-%d and %d-%d, want them to end and begin at the pause", got[0].start, got[0].end, got[1].start, got[1].end)
	}
	whole.heard.words = nil
	if got := sentences([]part{whole}); len(got) != 1 || got[0].heard.text != whole.heard.text {
		t.Errorf("got %d parts without word times, want the whole", len(got))
	}
}

func TestUnheard(t *testing.T) {
	loud, quiet := make([]float32, window), make([]float32, window)
	for i := range loud {
		loud[i], quiet[i] = 0.1, 0.001
	}
	tests := []struct {
		name    string
		windows int
		of      []float32
		speech  bool
		want    bool
	}{
		{"a short clip", 40, loud, false, true},
		{"too quiet to be speech", 40, quiet, false, false},
		{"already heard", 40, loud, true, false},
		{"long", unheardMost/window + 2, loud, false, false},
	}
	for _, tt := range tests {
		var u unheard
		for range tt.windows {
			u.add(tt.of, tt.speech)
		}
		p, ok := u.piece(0, int64(tt.windows*window))
		if ok != tt.want || ok && (!p.unheard || len(p.feed) != tt.windows*window+padBefore+padAfter) {
			t.Errorf("%s: got %v with %d samples, want %v", tt.name, ok, len(p.feed), tt.want)
		}
	}
	p := piece{unheard: true, end: 2 * sampleRate}
	if h := believe(p, read("Oh", 1, -0.6)); h.text != "" {
		t.Errorf("got %q of a model that is not sure, want nothing", h.text)
	}
	if h := believe(p, read("ask not", 3, -0.1)); h.text != "ask not" {
		t.Errorf("got %q of a model that is sure, want its words", h.text)
	}
}

func TestAtPauses_everySampleOfSpeechOnce(t *testing.T) {
	p := paused()
	pieces := atPauses(p)
	if len(pieces) != 2 || pieces[0].start != p.start || pieces[0].end != p.pauses[0].start || pieces[1].start != p.pauses[0].end || pieces[1].end != p.end {
		t.Fatalf("got %d pieces, want the speech before and after the pause", len(pieces))
	}
	for i, q := range pieces {
		from := p.lead + int(q.start-p.start)
		if n := int(q.end - q.start); !slices.Equal(q.feed[q.lead:q.lead+n], p.feed[from:from+n]) {
			t.Errorf("piece %d: got other audio, want that of %d-%d", i, q.start, q.end)
		}
		if len(q.feed) != int(q.end-q.start)+padBefore+padAfter {
			t.Errorf("piece %d: got %d samples to recognize, want the speech and its padding", i, len(q.feed))
		}
	}
	if got := p.speech(); math.Abs(got-11) > 1e-9 {
		t.Errorf("got %.2f s of speech, want 11: the pause is none", got)
	}
}

func TestPiecesGoOnOverPausesOfASecond(t *testing.T) {
	var pieces []piece
	s := &segmenter{emit: func(p piece) { pieces = append(pieces, p) }}
	say := func(seconds float64, speech bool) {
		for range int(seconds * sampleRate / window) {
			s.add(make([]float32, window), speech, 0)
		}
	}
	// Three phrases of one sentence, then another one.
	say(1, false)
	for range 3 {
		say(2, true)
		say(0.7, false)
	}
	say(1, false)
	say(2, true)
	say(2, false)
	if len(pieces) != 2 || len(pieces[0].pauses) != 2 || len(pieces[1].pauses) != 0 {
		t.Fatalf("got %d pieces, want one of three phrases and one of one", len(pieces))
	}
	for _, q := range pieces[0].pauses {
		if d := seconds(q.end - q.start); d < 0.4 || d > 0.8 {
			t.Errorf("got a pause of %.2f s, want about 0.7", d)
		}
	}
}
