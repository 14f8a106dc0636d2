package transcript

import (
	"math"
	"strings"
)

// filler tells whether tokens fit into a cue, by filling line after line.
type filler struct{ line, col int }

// add puts t at the end and reports whether everything still fits.
func (f *filler) add(t token) bool {
	if f.line == 0 {
		f.line = 1
	}
	w := t.width
	if f.col > 0 && !t.glued {
		w++
	}
	if f.col+w > lineWidth {
		f.line++
		f.col, w = 0, t.width
	}
	f.col += w
	return f.line <= maxLines && f.col <= lineWidth
}

// layout puts tokens, which fit, on one line or on two of about one length,
// broken where the text can bear it.
func layout(tokens []token) []string {
	total := columns(tokens)
	if total <= lineWidth {
		return []string{lineOf(tokens)}
	}
	best, at := math.Inf(1), 0
	left := 0
	for k := 1; k < len(tokens); k++ {
		left += tokens[k-1].width
		if k > 1 && !tokens[k-1].glued {
			left++
		}
		right := total - left
		if !tokens[k].glued {
			right--
		}
		if left > lineWidth || right > lineWidth {
			continue
		}
		cost := breakCost[tokens[k-1].boundary] + math.Abs(float64(left-right))/2
		if left > right {
			cost++ // a pyramid reads better than a funnel
		}
		if cost < best {
			best, at = cost, k
		}
	}
	if at == 0 { // one token alone, or tokens that nothing could make fit
		return []string{lineOf(tokens)}
	}
	return []string{lineOf(tokens[:at]), lineOf(tokens[at:])}
}

// columns returns the width of tokens on one line.
func columns(tokens []token) int {
	n := 0
	for i, t := range tokens {
		n += t.width
		if i > 0 && !t.glued {
			n++
		}
	}
	return n
}

func lineOf(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && !t.glued {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// fit gives the cues, which are in order of their start, the times at which
// they are shown: each for its shortest time at least, longer where it could
// not be read and nothing follows, none over another.
func fit(all []cue) {
	var free int64 // when the cue before is gone
	for i := range all {
		c := &all[i]
		next := int64(math.MaxInt64)
		if i+1 < len(all) {
			next = all[i+1].start
		}
		c.start = max(c.start, free)
		need := max(minShown, int64(c.width)*1000/readSpeed)
		want := max(c.end, c.start+need)
		c.end = max(min(want, next), c.start+minShown)
		c.end = min(c.end, c.start+maxShown)
		free = c.end
	}
}
