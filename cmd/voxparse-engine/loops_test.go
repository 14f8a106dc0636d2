package main

import (
	"strings"
	"testing"
)

func TestOnlyWhatNobodySaysIsALoop(t *testing.T) {
	tests := []struct {
		text    string
		seconds float64
		want    string // without the loop; "" where there is none
	}{
		{"He might even have been made amiable himself.", 3, ""},
		{"No, no, no, no.", 1.5, ""},
		{"Thank you. Thank you.", 2, ""},
		{"Very very very very very very good", 3, ""},
		{"It was good, good, good, good, good, good, good", 8, "It was good,"},
		{"So we go on and on and on and on and on and on and on", 8, "So we go on and on"},
		{"I do not know what to do I do not know what to do I do not know what to do", 9, "I do not know what to do"},
		{"A cold-hearted man, cold-hearted man, cold-hearted man, cold-hearted man, cold-hearted man, cold-hearted man", 12, "A cold-hearted man,"},
	}
	for _, tt := range tests {
		h := heard{generated: true, text: tt.text, tokens: strings.Fields(tt.text)}
		if got := looping(h, tt.seconds); got != (tt.want != "") {
			t.Errorf("%q: got looping %v, want %v", tt.text, got, tt.want != "")
		}
		if want := tt.want; want != "" && dropLoop(tt.text) != want {
			t.Errorf("%q: got %q, want %q", tt.text, dropLoop(tt.text), want)
		}
	}
}

func TestMoreTokensThanTheTimeAllowsAreALoop(t *testing.T) {
	h := heard{generated: true, text: "words", tokens: make([]string, 20)}
	if !looping(h, 2) || looping(h, 3) {
		t.Errorf("got looping %v in 2 s and %v in 3 s, want true and false", looping(h, 2), looping(h, 3))
	}
}

// recognizerFunc hears what it says in each stretch.
type recognizerFunc func(feed []float32) heard

func (f recognizerFunc) recognize(feeds [][]float32) ([]heard, error) {
	out := make([]heard, len(feeds))
	for i, feed := range feeds {
		out[i] = f(feed)
	}
	return out, nil
}

func (recognizerFunc) close() {}

// mendAll recognizes p with rec, and mends it.
func mendAll(t *testing.T, p piece, rec recognizerFunc) ([]part, bool) {
	t.Helper()
	a := &assignment{piece: p, answer: make(chan struct{})}
	if err := answer(rec, []*assignment{a}); err != nil {
		t.Fatal(err)
	}
	return a.parts, a.mended
}

func TestAPieceThatLoopsIsRecognizedInHalves(t *testing.T) {
	const length = 8 * sampleRate
	p := piece{start: 1000, end: 1000 + length, lead: padBefore, feed: make([]float32, padBefore+length+padAfter)}
	for i := range p.feed {
		p.feed[i] = 1
	}
	const quiet = padBefore + 3*sampleRate
	clear(p.feed[quiet : quiet+sampleRate/2])
	calls := 0
	parts, mended := mendAll(t, p, func(feed []float32) heard {
		if calls++; len(feed) > 6*sampleRate {
			return heard{generated: true, text: strings.Repeat("again ", 30)}
		}
		return heard{generated: true, text: "fine"}
	})
	if !mended || calls != 3 || len(parts) != 2 {
		t.Fatalf("got %d parts after %d calls, mended %v, want 2, 3 and true", len(parts), calls, mended)
	}
	cut := parts[0].end - p.start
	if parts[0].start != p.start || parts[1].end != p.end || parts[1].start != parts[0].end || cut < 3*sampleRate || cut > 3.5*sampleRate {
		t.Errorf("got parts %d-%d and %d-%d, want them to meet in the quiet half second", parts[0].start, parts[0].end, parts[1].start, parts[1].end)
	}
}

func TestALoopThatStaysIsSaidOnce(t *testing.T) {
	p := piece{end: 8 * sampleRate, lead: padBefore, feed: make([]float32, padBefore+8*sampleRate+padAfter)}
	parts, mended := mendAll(t, p, func([]float32) heard { return heard{generated: true, text: strings.Repeat("again ", 30)} })
	if !mended || len(parts) < 2 {
		t.Errorf("got %d parts, mended %v, want it cut", len(parts), mended)
	}
	for _, part := range parts {
		if part.heard.text != "again" {
			t.Errorf("got %q in %d-%d, want \"again\"", part.heard.text, part.start, part.end)
		}
	}
}

func TestAModelThatDoesNotGenerateIsNotCheckedForLoops(t *testing.T) {
	if h := (heard{text: strings.Repeat("ha ", 30), tokens: make([]string, 90)}); looping(h, 2) {
		t.Error("got a loop, want laughter that a model of letters wrote down")
	}
}

func FuzzDropLoop(f *testing.F) {
	f.Add("no no no no no no no no")
	f.Add("a b a b a b a b a b a b - a b")
	f.Add("… … …")
	f.Fuzz(func(t *testing.T, text string) {
		got := dropLoop(text)
		if len(got) > len(text) {
			t.Errorf("got %q of %q, want nothing added", got, text)
		}
		if len(plainWords(text)) > 0 && len(plainWords(got)) == 0 {
			t.Errorf("got nothing of %q, want the words once", text)
		}
	})
}
