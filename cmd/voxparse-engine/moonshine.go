package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/align"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/moonshine"
)

// loader makes the recognizers of a model. What they can share, they share.
type loader struct {
	model    engine.Model
	language string
	steps    func() // called whenever a recognizer gets on

	mu     sync.Mutex
	shared *moonshine.Model // nil: not loaded, or not of this kind
	other  bool             // the model is none of Moonshine's, or not as we know those
}

// open returns one more recognizer.
func (l *loader) open() (recognizer, error) {
	m, err := l.moonshine()
	switch {
	case err != nil:
		return nil, err
	case m != nil:
		return &moonshineRecognizer{rec: m.NewRecognizer(l.steps)}, nil
	}
	return newSherpa(l.model, l.language, l.steps)
}

// moonshine returns the model that the recognizers share, nil where it is for
// sherpa-onnx.
func (l *loader) moonshine() (*moonshine.Model, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared != nil || l.other {
		return l.shared, nil
	}
	if l.model.Family != "moonshine" || !hasRoles(l.model, []string{"encoder", "decoder"}) {
		l.other = true
		return nil, nil
	}
	f := l.model.Files
	m, err := moonshine.Open(moonshine.Files{Encoder: f["encoder"], Decoder: f["decoder"], Tokens: f["tokens"]})
	if errors.Is(err, moonshine.ErrLayout) {
		fmt.Fprintf(os.Stderr, "voxparse-engine: model %s: %v: sherpa-onnx runs it, without word times\n", l.model.Name, err)
		l.other = true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("model %s could not be loaded (check it with: voxparse models verify %s): %w", l.model.Name, l.model.Name, err)
	}
	l.shared = m
	return m, nil
}

// close frees what the recognizers share, once all are closed.
func (l *loader) close() error {
	if l.shared == nil {
		return nil
	}
	return l.shared.Close()
}

// moonshineRecognizer recognizes with our own Moonshine.
type moonshineRecognizer struct{ rec *moonshine.Recognizer }

func (r *moonshineRecognizer) recognize(feeds [][]float32) ([]heard, error) {
	texts, err := r.rec.Recognize(feeds)
	if err != nil {
		return nil, err
	}
	out := make([]heard, len(texts))
	for i, t := range texts {
		out[i] = hear(t)
	}
	return out, nil
}

// hear makes of a text what was heard: its words, when they are said, and how
// sure the model is of them.
func hear(t moonshine.Text) heard {
	h := heard{text: t.String(), generated: true, scored: true}
	for _, k := range t.Tokens {
		h.tokens = append(h.tokens, k.Text)
		h.score += math.Log(max(k.Chance, leastChance))
	}
	h.score += math.Log(max(t.End, leastChance))
	h.words = timedWords(t)
	if len(h.words) > 0 {
		sum := 0.0
		for _, w := range h.words {
			sum += *w.Confidence
		}
		mean := hundredths(sum / float64(len(h.words)))
		h.confidence = &mean
	}
	return h
}

// leastChance bounds how much one token says about a text.
const leastChance = 1e-4

// longestWord is how long a word may sound, in seconds: longer ones end with a
// pause that belongs to nobody. A digit counts as ten letters: it is said as a
// word of its own, and people who dictate a number pause within it.
func longestWord(letters int) float64 { return 0.4 + 0.1*float64(letters) }

// timedWords are the words of t with their times, in seconds from the start of
// the sound.
func timedWords(t moonshine.Text) []api.Word {
	weights := make([][]float32, len(t.Tokens))
	for i, k := range t.Tokens {
		weights[i] = make([]float32, len(k.Attention))
		for f, a := range k.Attention {
			weights[i][f] = float32(math.Log(float64(a) + 1e-4))
		}
	}
	var words []api.Word
	var chance float64 // of the last word
	letters := 0
	end := func() { // the last word is complete
		if len(words) == 0 {
			return
		}
		w := &words[len(words)-1]
		w.End = min(w.End, w.Start+longestWord(letters))
		c := hundredths(calibrated(chance))
		w.Confidence = &c
	}
	for i, s := range align.Spans(weights) {
		text := t.Tokens[i].Text
		if len(words) == 0 || strings.HasPrefix(text, " ") {
			end()
			words = append(words, api.Word{Start: float64(s.Start)*moonshine.FrameSeconds + t.Early})
			chance, letters = 1, 0
		}
		w := &words[len(words)-1]
		w.Text += strings.TrimPrefix(text, " ")
		if n := countLetters(text); n > 0 || w.End == 0 {
			letters += n
			chance = min(chance, t.Tokens[i].Chance)
			w.End = float64(s.End)*moonshine.FrameSeconds + t.Early
		}
	}
	end()
	return slices.DeleteFunc(words, func(w api.Word) bool { return w.Text == "" })
}

// countLetters is how many letters are said for s: one for a letter, ten for a
// digit.
func countLetters(s string) (n int) {
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			n += 10
		case unicode.IsLetter(r):
			n++
		}
	}
	return n
}

// hundredths rounds to two decimals.
func hundredths(v float64) float64 { return math.Round(100*v) / 100 }

func (r *moonshineRecognizer) close() {}
