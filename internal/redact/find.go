package redact

import (
	"cmp"
	"slices"

	"github.com/voxparse/voxparse/api"
)

// Finding is one piece of personal or payment data. It never holds the data.
type Finding struct {
	Kind  Kind
	Parts []Part // in order; more than one where it breaks over segments
}

// Part is the piece of a finding in one segment.
type Part struct {
	Segment    int     // index into Result.Segments
	From, To   int     // bytes of the segment's text
	Start, End float64 // seconds; with a margin where the times of words are not known
}

// Find returns what is found in r, in the order of the audio. Masks are not
// findings. It does not change r.
func Find(r *api.Result) []Finding {
	d := newDocument(r.Segments)
	matches := d.find()
	if len(matches) == 0 {
		return nil
	}
	clock := newClock(r, d)
	out := make([]Finding, 0, len(matches))
	for _, m := range matches {
		out = append(out, Finding{Kind: m.kind, Parts: d.parts(m, clock)})
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		x, y := a.Parts[0], b.Parts[0]
		return cmp.Or(cmp.Compare(x.Segment, y.Segment), cmp.Compare(x.From, y.From))
	})
	return out
}

// parts cuts a match at the borders of segments.
func (d *document) parts(m match, clock *clock) []Part {
	var out []Part
	for i := m.from; i < m.to; {
		if m.view[i] == breakTurn {
			i++
			continue
		}
		first := m.view[i]
		last := first
		for i++; i < m.to && m.view[i] != breakTurn && d.tokens[m.view[i]].seg == d.tokens[first].seg; i++ {
			last = m.view[i]
		}
		a, b := &d.tokens[first], &d.tokens[last]
		p := Part{Segment: a.seg, From: a.start, To: b.end}
		p.Start, p.End = clock.times(a, b)
		out = append(out, p)
	}
	return out
}
