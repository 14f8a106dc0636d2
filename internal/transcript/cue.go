package transcript

import (
	"cmp"
	"math"
	"slices"

	"github.com/voxparse/voxparse/api"
)

// The rules of subtitles.
const (
	lineWidth  = 42    // columns of a line
	maxLines   = 2     // lines of a cue
	minShown   = 1_000 // milliseconds a cue is to be seen
	maxShown   = 7_000 // milliseconds
	readSpeed  = 17    // characters a second that can be read
	chainGap   = 400   // milliseconds between segments that are cut up together
	nameLimit  = 20    // columns of a speaker's name
	pauseInCue = 1_000 // milliseconds of silence that want a new cue
)

// cue is one subtitle. start and end are milliseconds.
type cue struct {
	start, end int64
	lines      []string
	width      int // columns of its text, without the speaker
}

// run is segments of one speaker that follow each other closely.
type run struct {
	speaker string
	tokens  []token
	named   bool // the first cue begins with the speaker's name
	mixed   bool // others speak meanwhile: every cue does
}

// cues cuts a result into subtitles.
func cues(r *api.Result) []cue {
	var all []cue
	for _, run := range runs(segments(r), wordsOf(r)) {
		all = append(all, run.cut()...)
	}
	slices.SortStableFunc(all, func(a, b cue) int { return cmp.Compare(a.start, b.start) })
	fit(all)
	return all
}

func runs(segs []segment, words []word) []run {
	var all []run
	var end int64 // of the segment before
	mixed := overlapped(segs)
	for i, s := range segs {
		tokens := tokenize(s.text, lineWidth)
		if len(tokens) == 0 {
			continue
		}
		setTimes(tokens, s, within(words, s))
		if n := len(all); n > 0 {
			last := &all[n-1]
			if last.speaker == s.speaker && last.mixed == mixed[i] && s.start >= end && s.start-end <= chainGap {
				if b := &last.tokens[len(last.tokens)-1].boundary; *b < afterClause {
					*b = afterClause
				}
				last.tokens = append(last.tokens, tokens...)
				end = s.end
				continue
			}
		}
		named := s.speaker != ""
		if n := len(all); n > 0 && !all[n-1].mixed && all[n-1].speaker == s.speaker {
			named = false
		}
		all = append(all, run{s.speaker, tokens, named, mixed[i] && s.speaker != ""})
		end = s.end
	}
	return all
}

// overlapped says of each segment whether it shares time with one of another
// speaker. segs are in order of their start.
func overlapped(segs []segment) []bool {
	mixed := make([]bool, len(segs))
	latest := -1 // the segment that ends last so far
	second := -1 // the one of another speaker than latest's that ends last
	for i, s := range segs {
		for _, o := range []int{latest, second} {
			if o >= 0 && segs[o].speaker != s.speaker && segs[o].end > s.start {
				mixed[i], mixed[o] = true, true
			}
		}
		switch {
		case latest < 0 || s.end >= segs[latest].end:
			if latest >= 0 && segs[latest].speaker != s.speaker {
				second = latest
			}
			latest = i
		case segs[latest].speaker != s.speaker && (second < 0 || s.end >= segs[second].end):
			second = i
		}
	}
	return mixed
}

// label returns the token that names the speaker at the head of a cue.
func (r run) label(first bool) (token, bool) {
	if !r.mixed && (!first || !r.named) {
		return token{}, false
	}
	name, w := "", 0
	for _, c := range r.speaker {
		if w += runeWidth(c); w > nameLimit {
			name += "…"
			break
		}
		name += string(c)
	}
	name += ":"
	return token{text: name, width: width(name), boundary: afterWeak}, true
}

// cut finds the cheapest way to cut a run into cues, by the costs of costOf.
func (r run) cut() []cue {
	n := len(r.tokens)
	best := make([]float64, n+1)
	from := make([]int, n+1) // where the last cue of the best cut up to here begins
	for i := 1; i <= n; i++ {
		best[i] = math.Inf(1)
	}
	for i := range n {
		var f filler
		if l, ok := r.label(i == 0); ok {
			f.add(l)
		}
		inner := 0 // ends of sentences inside the cue
		for j := i + 1; j <= n; j++ {
			t := r.tokens[j-1]
			if j == i+1 {
				t.glued = false
			}
			fits := f.add(t) && t.end-r.tokens[i].start <= maxShown
			if !fits && j > i+1 {
				break
			}
			if c := best[i] + r.costOf(i, j, inner); c < best[j] {
				best[j], from[j] = c, i
			}
			if t.boundary == afterSentence {
				inner++
			}
		}
	}
	var all []cue
	for j := n; j > 0; j = from[j] {
		all = append(all, r.cue(from[j], j))
	}
	slices.Reverse(all)
	return all
}

// breakCost is what it costs to end a cue or line after a token.
var breakCost = map[boundary]float64{inPhrase: 12, afterWeak: 20, inScript: 10, afterClause: 3, afterSentence: 0}

// costOf says how bad a cue of tokens[i:j] is, with inner ends of sentences
// in it.
func (r run) costOf(i, j, inner int) float64 {
	first, last := r.tokens[i], r.tokens[j-1]
	cost := 5 + 2*float64(inner)
	shown := float64(last.end-first.start) / 1000
	if j < len(r.tokens) {
		next := r.tokens[j]
		cost += breakCost[last.boundary]
		if next.start-last.end >= pauseInCue {
			cost -= 6
		}
		shown = float64(min(next.start, last.end+pauseInCue)-first.start) / 1000
	} else {
		shown += 1
	}
	if shown < 1 {
		cost += 25 * (1 - shown)
	}
	chars := 0
	for k := i; k < j; k++ {
		chars += r.tokens[k].width + 1
		if k > i && r.tokens[k].start-r.tokens[k-1].end > pauseInCue {
			cost += 12
		}
	}
	if over := float64(chars)/max(shown, 0.2) - readSpeed; over > 0 {
		cost += min(over, 20) / 2
	}
	if chars < 10 && len(r.tokens) > j-i {
		cost += 4
	}
	return cost
}

func (r run) cue(i, j int) cue {
	tokens := r.tokens[i:j]
	c := cue{start: tokens[0].start, end: tokens[len(tokens)-1].end, width: columns(tokens)}
	if l, ok := r.label(i == 0); ok {
		tokens = append([]token{l}, tokens...)
		tokens[1].glued = false
	}
	c.lines = layout(tokens)
	return c
}
