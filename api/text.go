package api

import "strings"

// JoinedText returns what Text is made of: the texts of the segments with one
// space between, empty ones left out. Whoever changes a segment sets Text to
// this again.
func (r *Result) JoinedText() string {
	parts := make([]string, 0, len(r.Segments))
	for i := range r.Segments {
		if t := strings.TrimSpace(r.Segments[i].Text); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}

// WordsBySegment returns, for each segment, the indices into r.Words of its
// words: one for each field of its text, in order. The entry is nil where the
// words of that segment are not exactly its text, punctuation and case aside.
// The whole answer is nil where r has no words.
func (r *Result) WordsBySegment() [][]int {
	if len(r.Words) == 0 {
		return nil
	}
	out := make([][]int, len(r.Segments))
	next := map[string]int{} // speaker → first word not yet used
	for i := range r.Segments {
		seg := &r.Segments[i]
		fields := strings.Fields(seg.Text)
		if len(fields) == 0 {
			continue
		}
		cands := make([]int, 0, len(fields))
		for w := next[seg.Speaker]; w < len(r.Words); w++ {
			word := &r.Words[w]
			if word.Speaker != "" && word.Speaker != seg.Speaker {
				continue
			}
			mid := (word.Start + word.End) / 2
			if mid > seg.End+wordSlack {
				break
			}
			if mid >= seg.Start-wordSlack {
				cands = append(cands, w)
			} else if len(cands) == 0 {
				next[seg.Speaker] = w + 1
			}
		}
		if m := matchWords(r.Words, cands, fields); m != nil {
			out[i] = m
			next[seg.Speaker] = m[len(m)-1] + 1
		}
	}
	return out
}

// wordSlack is how far, in seconds, the middle of a word may lie outside its
// segment: recognizers round both.
const wordSlack = 0.3

// matchWords returns the run of cands whose words are fields, or nil.
func matchWords(words []Word, cands []int, fields []string) []int {
	for from := 0; from+len(fields) <= len(cands); from++ {
		ok := true
		for k, f := range fields {
			if bareWord(words[cands[from+k]].Text) != bareWord(f) {
				ok = false
				break
			}
		}
		if ok {
			return cands[from : from+len(fields)]
		}
	}
	return nil
}

// bareWord returns s in lower case without the punctuation around it.
func bareWord(s string) string {
	return strings.ToLower(strings.Trim(s, " \t\n.,!?;:\"'()[]…"))
}
