package main

import (
	"math"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/internal/moonshine"
)

// said is a text whose token i is looked for at frame at[i].
func said(frames int, tokens []string, chances []float64, at []int) moonshine.Text {
	t := moonshine.Text{Frames: frames, End: 0.9}
	for i, s := range tokens {
		a := make([]float32, frames)
		a[at[i]] = 1
		t.Tokens = append(t.Tokens, moonshine.Token{Text: s, Chance: chances[i], Attention: a})
	}
	return t
}

func TestHear_wordsOfTokens(t *testing.T) {
	text := said(200, []string{" We", " will", " me", "et", ".", " Bring"}, []float64{1, 0.9, 0.8, 0.2, 0.1, 0.97}, []int{10, 20, 30, 35, 60, 150})
	h := hear(text)
	var got []string
	for _, w := range h.words {
		got = append(got, w.Text)
	}
	if want := []string{"We", "will", "meet.", "Bring"}; !slices.Equal(got, want) || h.text != "We will meet. Bring" {
		t.Fatalf("got words %q of %q, want %q", got, h.text, want)
	}
	for i, w := range h.words {
		if w.End < w.Start || i > 0 && w.Start < h.words[i-1].Start || w.End > w.Start+longestWord(countLetters(w.Text)) {
			t.Errorf("got %q from %.2f to %.2f, want words to follow each other and none to last through the pause", w.Text, w.Start, w.End)
		}
	}
	if meet := h.words[2]; *meet.Confidence != hundredths(calibrated(0.2)) {
		t.Errorf("got confidence %.2f of a word, want that of its least sure token without the full stop", *meet.Confidence)
	}
	if start := h.words[3].Start; math.Abs(start-150*moonshine.FrameSeconds) > 0.05 {
		t.Errorf("got a start at %.2f, want about %.2f, after the pause", start, 150*moonshine.FrameSeconds)
	}
	want := math.Log(0.9*0.8*0.2*0.1*0.97) + math.Log(0.9)
	if math.Abs(h.score-want) > 1e-9 || !h.scored {
		t.Errorf("got score %f, want %f", h.score, want)
	}
}

func TestHear_nothing(t *testing.T) {
	if h := hear(moonshine.Text{Frames: 40}); h.text != "" || h.words != nil || h.confidence != nil {
		t.Errorf("got %+v of no tokens, want nothing", h)
	}
}

func TestCalibrated_neverFalls(t *testing.T) {
	last := -1.0
	for c := 0.0; c <= 1.0; c += 0.01 {
		got := calibrated(c)
		if got < last || got < 0 || got > 1 {
			t.Errorf("got %.3f for a chance of %.2f after %.3f, want no less and within 0-1", got, c, last)
		}
		last = got
	}
}
