package redact

import (
	"math"
	"unicode"

	"github.com/voxparse/voxparse/api"
)

// clock tells when a part of a segment is said.
type clock struct {
	result *api.Result
	doc    *document
	words  [][]int // api.Result.WordsBySegment
}

func newClock(r *api.Result, d *document) *clock {
	return &clock{result: r, doc: d, words: r.WordsBySegment()}
}

// Margins around times, in seconds: around the engine's own word times, and
// around those guessed from the place in the text.
const (
	wordMargin  = 0.05
	guessMargin = 0.4
	guessShare  = 0.1 // of the segment's length, more
)

// times returns when the tokens from a to b of one segment are said: by the
// times of their words, or else by their share of the segment.
func (c *clock) times(a, b *token) (float64, float64) {
	seg := &c.result.Segments[a.seg]
	start, end := seg.Start, seg.End
	if !(end > start) || math.IsInf(start, 0) || math.IsInf(end, 0) {
		return finite(start), math.Max(finite(start), finite(end))
	}
	if c.words != nil && c.words[a.seg] != nil {
		ws := c.words[a.seg]
		from, to := &c.result.Words[ws[a.field]], &c.result.Words[ws[b.field]]
		return math.Max(0, from.Start-wordMargin), to.End + wordMargin
	}
	text := c.doc.texts[a.seg]
	whole := weight(text)
	if whole == 0 {
		return start, end
	}
	length := end - start
	margin := guessMargin + guessShare*length
	from := start + length*weight(text[:a.start])/whole - margin
	to := start + length*weight(text[:b.end])/whole + margin
	return math.Max(start, from), math.Min(end, to)
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// weight says how long text takes to say, in letters: a digit is a word.
func weight(text string) float64 {
	w := 0.0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			w += 5
		case r == '@' || r == '.' || r == ',' || r == '?' || r == '!':
			w += 3 // "at", "dot", or a pause
		case unicode.IsSpace(r):
			w++
		default:
			w++
		}
	}
	return w
}
