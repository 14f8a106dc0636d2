package redact

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// Span is a stretch of audio, in seconds.
type Span struct {
	Start, End float64
}

// Apply masks everything found in r: in Segments, Text, Words and, where
// there is one, AIAnalysis. It counts what it masked in r.Redactions, which is
// then not nil, on top of what is counted there already. It returns the spans
// of audio to silence, in order and apart. Afterwards Find finds nothing, in
// any of them, and Text is api.JoinText of the segments.
func Apply(r *api.Result) []Span {
	if r.Redactions == nil {
		r.Redactions = map[string]int{}
	}
	lone := len(r.Segments) == 0 && r.Text != ""
	if lone {
		r.Segments = []api.Segment{{Start: 0, End: r.DurationSeconds, Text: r.Text}}
	}
	var spans []Span
	for {
		found := Find(r)
		if len(found) == 0 {
			break
		}
		for _, f := range found {
			r.Redactions[string(f.Kind)]++
			for _, p := range f.Parts {
				spans = append(spans, Span{p.Start, p.End})
			}
		}
		maskWords(r, found)
		maskSegments(r.Segments, found)
	}
	r.Text = r.JoinedText()
	if lone {
		r.Segments = nil
	}
	spans = append(spans, maskLooseWords(r)...)
	maskAnalysis(r.AIAnalysis)
	return union(spans)
}

// Text masks what is found in one piece of text, and returns what it masked
// by kind, never nil.
func Text(s string) (string, map[string]int) {
	segs := []api.Segment{{Text: s}}
	counts := map[string]int{}
	for {
		found := Find(&api.Result{Segments: segs})
		if len(found) == 0 {
			return segs[0].Text, counts
		}
		for _, f := range found {
			counts[string(f.Kind)]++
		}
		maskSegments(segs, found)
	}
}

// maskSegments writes the masks of found into the texts, last first, so that
// the places of the others stay right.
func maskSegments(segs []api.Segment, found []Finding) {
	type piece struct {
		Part
		mask string
	}
	var pieces []piece
	for _, f := range found {
		for _, p := range f.Parts {
			pieces = append(pieces, piece{p, f.Kind.Mask()})
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(b.Segment, a.Segment), cmp.Compare(b.From, a.From))
	})
	for _, p := range pieces {
		s := &segs[p.Segment]
		s.Text = s.Text[:p.From] + p.mask + s.Text[p.To:]
	}
}

// maskWords makes of the words of each part one word, the mask, so that words
// and text stay the same. It runs before the texts change.
func maskWords(r *api.Result, found []Finding) {
	bySegment := r.WordsBySegment()
	if bySegment == nil {
		return
	}
	drop := make([]bool, len(r.Words))
	for _, f := range found {
		for _, p := range f.Parts {
			if ws := bySegment[p.Segment]; ws != nil {
				maskRun(r.Words, drop, ws, r.Segments[p.Segment].Text, p, f.Kind)
				continue
			}
			maskByTime(r.Words, r.Segments[p.Segment].Speaker, p, f.Kind)
		}
	}
	kept := r.Words[:0]
	for i := range r.Words {
		if !drop[i] {
			kept = append(kept, r.Words[i])
		}
	}
	r.Words = kept
}

// maskRun merges the words of part p, those ws of a segment with text, into one.
func maskRun(words []api.Word, drop []bool, ws []int, text string, p Part, kind Kind) {
	from := len(strings.Fields(text[:p.From]))
	if from > 0 && !endsInSpace(text[:p.From]) {
		from-- // the part begins within a field
	}
	to := len(strings.Fields(text[:p.To]))
	first := ws[from]
	last := ws[to-1]
	for i := from + 1; i < to; i++ {
		drop[ws[i]] = true
	}
	head := text[:p.From]
	if i := strings.LastIndexFunc(head, unicode.IsSpace); i >= 0 {
		head = head[i+1:]
	}
	tail := text[p.To:]
	if i := strings.IndexFunc(tail, unicode.IsSpace); i >= 0 {
		tail = tail[:i]
	}
	words[first].Text = punctuation(head) + kind.Mask() + punctuation(tail)
	words[first].End = words[last].End
}

// punctuation returns s where it holds no letter or digit, else "".
func punctuation(s string) string {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return ""
		}
	}
	return s
}

func endsInSpace(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return s == "" || unicode.IsSpace(r)
}

// maskByTime masks every word that overlaps part p: where words and text
// differ, rather one too many.
func maskByTime(words []api.Word, speaker string, p Part, kind Kind) {
	for i := range words {
		w := &words[i]
		if w.Start < p.End && w.End > p.Start && (w.Speaker == "" || w.Speaker == speaker) {
			w.Text = kind.Mask()
		}
	}
}

// maskLooseWords masks what the words of r hold beyond its text: those of
// recognizers whose words are not exactly the text.
func maskLooseWords(r *api.Result) []Span {
	var spans []Span
	for len(r.Words) > 0 {
		segs := make([]api.Segment, len(r.Words))
		for i, w := range r.Words {
			segs[i] = api.Segment{Start: w.Start, End: w.End, Speaker: w.Speaker, Text: w.Text}
		}
		found := Find(&api.Result{Segments: segs})
		if len(found) == 0 {
			break
		}
		for _, f := range found {
			for _, p := range f.Parts {
				spans = append(spans, Span{p.Start, p.End})
			}
		}
		maskSegments(segs, found)
		for i := range r.Words {
			r.Words[i].Text = segs[i].Text
		}
	}
	return spans
}

// union sorts spans and joins those that touch.
func union(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}
