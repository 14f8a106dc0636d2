package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Turn is a stretch in which one voice speaks. Turns of different voices may
// overlap.
type Turn struct {
	Start   float64 `json:"start"` // seconds
	End     float64 `json:"end"`
	Speaker int     `json:"speaker"` // which voice, from 0
}

const (
	// leastTurn is the shortest turn at which a transcript is cut, in seconds:
	// an "mm-hmm" of a listener does not end what is being said.
	leastTurn = 1.0
	// reach is how far a stretch without a voice may be from the turn that it
	// is counted to, in seconds.
	reach = 1.0
)

// Changes returns the times at which one voice follows another, in seconds and
// in order: where a transcript is to be cut. Between two turns it is the
// middle of the pause, or of the overlap. A turn within another one's is no
// change.
func Changes(turns []Turn) []float64 {
	long := slices.DeleteFunc(slices.Clone(turns), func(t Turn) bool { return t.End-t.Start < leastTurn })
	slices.SortStableFunc(long, func(a, b Turn) int { return cmp.Compare(a.Start, b.Start) })
	var out []float64
	for i, last := 1, 0; i < len(long); i++ {
		held, next := &long[last], &long[i]
		switch {
		case next.Speaker == held.Speaker:
			held.End = max(held.End, next.End)
			continue
		case next.End <= held.End:
			continue
		}
		out = append(out, (held.End+next.Start)/2)
		last = i
	}
	return out
}

// NameSpeakers writes into r who says what: "Speaker 1" is the first to be
// heard. Where the words of a segment are timed, it is cut where another voice
// takes over; elsewhere it is all by who speaks longest in it. What is said
// where no voice was found, nor near it, has no speaker.
func NameSpeakers(r *api.Result, turns []Turn) {
	turns = slices.SortedStableFunc(slices.Values(turns), func(a, b Turn) int { return cmp.Compare(a.Start, b.Start) })
	names := map[int]string{noVoice: ""}
	for _, t := range turns {
		if names[t.Speaker] == "" {
			names[t.Speaker] = fmt.Sprintf("Speaker %d", len(names))
		}
	}
	words := r.WordsBySegment()
	voices := make([]int, len(r.Words))
	for i, w := range r.Words {
		voices[i] = voiceOf(turns, w.Start, w.End)
	}
	var segments []api.Segment
	for i, s := range r.Segments {
		if words == nil || words[i] == nil {
			s.Speaker = names[voiceOf(turns, s.Start, s.End)]
			segments = append(segments, s)
			continue
		}
		segments = append(segments, cutByVoice(s, r.Words, words[i], voices, names)...)
	}
	for i := range r.Words {
		r.Words[i].Speaker = names[voices[i]]
	}
	if segments != nil { // else the engine gave a text alone
		r.Segments = segments
		r.Text = r.JoinedText()
	}
}

// noVoice stands for nobody in particular.
const noVoice = -1

// voiceOf is who speaks longest between start and end; where nobody does, who
// speaks nearest to it.
func voiceOf(turns []Turn, start, end float64) int {
	heard := map[int]float64{}
	best, nearest, distance := noVoice, noVoice, reach
	for _, t := range turns {
		if both := min(end, t.End) - max(start, t.Start); both > 0 {
			heard[t.Speaker] += both
			if best == noVoice || heard[t.Speaker] > heard[best] {
				best = t.Speaker
			}
		} else if -both < distance {
			nearest, distance = t.Speaker, -both
		}
	}
	if best == noVoice {
		return nearest
	}
	return best
}

// cutByVoice cuts the segment s where its words, the ones at the indices own,
// go over to another voice.
func cutByVoice(s api.Segment, words []api.Word, own, voices []int, names map[int]string) []api.Segment {
	fields := strings.Fields(s.Text)
	var out []api.Segment
	from := 0
	for i := range own {
		if i+1 < len(own) && voices[own[i+1]] == voices[own[i]] {
			continue
		}
		part := s
		part.Speaker, part.Text = names[voices[own[i]]], strings.Join(fields[from:i+1], " ")
		if from > 0 {
			part.Start = words[own[from]].Start
		}
		if i+1 < len(own) {
			part.End = words[own[i]].End
		}
		out = append(out, part)
		from = i + 1
	}
	return out
}
