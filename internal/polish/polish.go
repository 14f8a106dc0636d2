package polish

import (
	"slices"
	"strings"
	"unicode"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/spoken"
)

// Apply gives r the form of mode, "" for polished, in place. Verbatim changes
// nothing. The words of a segment follow its text: a word that is left out
// goes, words that became one figure become one word with the times of the
// first and the last. Where the words were not exactly the text before, the
// words of that segment are left as the engine gave them. Rules of words apply
// to English only; language is r.Language, where "" counts as English. An
// unknown mode is polished.
func Apply(r *api.Result, mode api.Mode) {
	if mode == api.ModeVerbatim {
		return
	}
	english := spoken.English(r.Language)
	words := r.WordsBySegment()
	edits := rewriteAll(r.Segments, english)
	if words != nil {
		r.Words = follow(r.Words, words, edits)
	}
	r.Segments = slices.DeleteFunc(r.Segments, func(s api.Segment) bool { return s.Text == "" })
	r.Text = r.JoinedText()
}

// Text returns s polished, as the one segment of an English talk. Polishing
// again changes nothing.
func Text(s string) string {
	segs := []api.Segment{{Text: s}}
	rewriteAll(segs, true)
	return segs[0].Text
}

// rewriteAll polishes the texts of segs, and returns of what each is made. One
// change may call for another, over the whole talk, until none does.
func rewriteAll(segs []api.Segment, english bool) [][]piece {
	edits := make([][]piece, len(segs))
	for i := range segs {
		edits[i] = split(segs[i].Text)
		segs[i].Text = join(edits[i])
	}
	for range maxRounds {
		style := styleOf(segs)
		changed := false
		for i := range segs {
			if !english || segs[i].Text == "" {
				continue
			}
			edits[i] = rewrite(edits[i], style, style.open(segs, i))
			text := join(edits[i])
			changed = changed || text != segs[i].Text
			segs[i].Text = text
		}
		if !changed {
			break
		}
	}
	return edits
}

// piece is one word of the output, made of the words [from, to) of the input.
type piece struct {
	text     string
	from, to int
}

func split(s string) []piece {
	fields := strings.Fields(s)
	out := make([]piece, len(fields))
	for i, f := range fields {
		out[i] = piece{f, i, i + 1}
	}
	return out
}

func join(pieces []piece) string {
	texts := make([]string, len(pieces))
	for i := range pieces {
		texts[i] = pieces[i].text
	}
	return strings.Join(texts, " ")
}

// follow makes the words of each segment those of its edited text.
func follow(words []api.Word, bySegment [][]int, edits [][]piece) []api.Word {
	drop := make([]bool, len(words))
	for i, ws := range bySegment {
		if ws == nil {
			continue
		}
		for _, w := range ws {
			drop[w] = true
		}
		for _, p := range edits[i] {
			first := ws[p.from]
			drop[first] = false
			words[first].End = max(words[first].End, words[ws[p.to-1]].End)
			words[first].Text = p.text
		}
	}
	kept := words[:0]
	for i := range words {
		if !drop[i] {
			kept = append(kept, words[i])
		}
	}
	return kept
}

// style is what a recognizer gives: with or without case and full stops.
type style struct {
	cased, punctuated bool
}

func styleOf(segs []api.Segment) style {
	var upper, lower bool
	var st style
	for i := range segs {
		for _, r := range segs[i].Text {
			upper = upper || unicode.IsUpper(r)
			lower = lower || unicode.IsLower(r)
			st.punctuated = st.punctuated || r == '.' || r == '?' || r == '!'
		}
	}
	st.cased = upper && lower
	return st
}

// ends says how a segment lies in its sentence.
type ends struct {
	begins bool // a sentence begins with it
	stops  bool // a sentence stops with it
}

// pauseEndsSentence is the silence, in seconds, at which a recognizer that
// gives no full stops gets one.
const pauseEndsSentence = 0.35

// open tells whether segment i begins and ends a sentence, by pauses and
// turns, where the recognizer itself does not say.
func (st style) open(segs []api.Segment, i int) ends {
	if st.punctuated {
		for i--; i >= 0 && segs[i].Text == ""; i-- {
		}
		return ends{begins: i < 0 || endsSentence(segs[i].Text)}
	}
	parted := func(a, b api.Segment) bool { return a.Speaker != b.Speaker || b.Start-a.End >= pauseEndsSentence }
	return ends{
		begins: i == 0 || parted(segs[i-1], segs[i]),
		stops:  i == len(segs)-1 || parted(segs[i], segs[i+1]),
	}
}

func endsSentence(s string) bool {
	s = strings.TrimRight(strings.TrimSpace(s), "\"'”’)")
	return strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!")
}
