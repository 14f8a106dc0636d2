package redact

import (
	"strings"

	"github.com/voxparse/voxparse/api"
)

// document is a transcript as the finders see it: all tokens in the order of
// the segments, and the orders in which a listener may join them.
type document struct {
	texts   []string // of the segments
	tokens  []token
	claimed []Kind  // of each token, "" for none
	views   [][]int // indices into tokens; breakTurn parts what does not belong together
}

// breakTurn stands in a view where so much was said by others that what
// follows does not continue what came before.
const breakTurn = -1

// maxBetween is how many words of others may fall between two segments of one
// speaker's number: "mm-hmm, go on" and some more.
const maxBetween = 25

func newDocument(segments []api.Segment) *document {
	d := &document{texts: make([]string, len(segments))}
	first := make([]int, len(segments)+1)
	speakers := map[string]bool{}
	for i := range segments {
		d.texts[i] = segments[i].Text
		first[i] = len(d.tokens)
		d.tokens = tokenize(d.tokens, i, segments[i].Text)
		speakers[segments[i].Speaker] = true
	}
	first[len(segments)] = len(d.tokens)
	d.claimed = make([]Kind, len(d.tokens))
	if len(speakers) > 1 {
		d.addSpeakerViews(segments, first)
	}
	flat := make([]int, len(d.tokens))
	for i := range flat {
		flat[i] = i
	}
	d.views = append(d.views, flat)
	return d
}

func (d *document) addSpeakerViews(segments []api.Segment, first []int) {
	view := map[string]int{}  // speaker → index of its view
	ended := map[string]int{} // speaker → first token after its last segment
	for i := range segments {
		who := segments[i].Speaker
		v, ok := view[who]
		if !ok {
			v = len(d.views)
			view[who] = v
			d.views = append(d.views, nil)
		} else if first[i]-ended[who] > maxBetween {
			d.views[v] = append(d.views[v], breakTurn)
		}
		for t := first[i]; t < first[i+1]; t++ {
			d.views[v] = append(d.views[v], t)
		}
		ended[who] = first[i+1]
	}
}

// word returns the token at position i of view as a word, "" outside of it.
func (d *document) word(view []int, i int) string {
	if i < 0 || i >= len(view) || view[i] == breakTurn || d.tokens[view[i]].mask != "" {
		return ""
	}
	return d.tokens[view[i]].word
}

// raw returns token t as it is written.
func (d *document) raw(t int) string {
	tok := &d.tokens[t]
	return d.texts[tok.seg][tok.start:tok.end]
}

// match is a finding before it has times: positions from, to (exclusive) of a view.
type match struct {
	kind     Kind
	view     []int
	from, to int
}

// find returns what all finders find, each token claimed at most once.
func (d *document) find() []match {
	var found []match
	for _, view := range d.views {
		claim := func(kind Kind, from, to int) {
			m := d.withEchoes(match{kind, view, from, to})
			found = append(found, m)
			for _, t := range m.view[m.from:m.to] {
				if t != breakTurn {
					d.claimed[t] = kind
				}
			}
		}
		d.emails(view, claim)
		runs := d.runs(view)
		for _, finder := range []func([]int, run, func(Kind, int, int)){d.cards, d.ssns, d.phones, d.codes} {
			for _, r := range runs {
				for _, part := range d.unclaimed(view, r) {
					finder(view, part, claim)
				}
			}
		}
		d.expiries(view, claim)
	}
	return found
}

// withEchoes adds to a number what others repeat of it while it is said: "four
// seven one six", "okay, four seven one six", "one oh five nine".
func (d *document) withEchoes(m match) match {
	first, last := m.view[m.from], m.view[m.to-1]
	if last-first == m.to-m.from-1 {
		return m // nobody spoke in between
	}
	var digits strings.Builder
	mine := map[int]bool{}
	for i := m.from; i < m.to; i++ {
		if m.view[i] != breakTurn {
			digits.WriteString(d.atom(m.view, i).digits)
			mine[m.view[i]] = true
		}
	}
	var between, all []int
	for t := first; t <= last; t++ {
		if mine[t] {
			between = append(between, breakTurn)
			continue
		}
		between = append(between, t)
	}
	for _, r := range d.runs(between) {
		if strings.Contains(digits.String(), r.digits()) {
			for i := r[0].pos; i <= r[len(r)-1].pos; i++ {
				mine[between[i]] = true
			}
		}
	}
	for t := first; t <= last; t++ {
		if mine[t] {
			all = append(all, t)
		}
	}
	return match{m.kind, all, 0, len(all)}
}
