package transcript

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/voxparse/voxparse/api"
)

// word is a word of the engine with its own times in milliseconds.
type word struct {
	start, end int64
	key        string // what of it is compared
	speaker    string
}

func wordsOf(r *api.Result) []word {
	all := make([]word, 0, len(r.Words))
	for _, w := range r.Words {
		start := millis(w.Start)
		all = append(all, word{start, max(start, millis(w.End)), key(w.Text), clean(w.Speaker)})
	}
	slices.SortStableFunc(all, func(a, b word) int { return cmp.Compare(a.start, b.start) })
	return all
}

// key returns the letters and digits of a word, in lower case.
func key(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// within returns the words that lie in s, by their middle.
func within(words []word, s segment) []word {
	from, _ := slices.BinarySearchFunc(words, s.start-2_000, func(w word, t int64) int { return cmp.Compare(w.start, t) })
	var in []word
	for _, w := range words[from:] {
		if w.start > s.end {
			break
		}
		if mid := (w.start + w.end) / 2; mid >= s.start && mid <= s.end && (w.speaker == "" || w.speaker == s.speaker) {
			in = append(in, w)
		}
	}
	return in
}

// maxAlign bounds the work of one alignment.
const maxAlign = 1 << 20

// setTimes gives the tokens of a segment their times: those of the words that
// they are, and shares of the time between by length for the others.
func setTimes(tokens []token, s segment, words []word) {
	anchors := make([]int, len(tokens)) // token → index of its word, -1 for none
	for i := range anchors {
		anchors[i] = -1
	}
	if n := len(tokens) * len(words); n > 0 && n <= maxAlign {
		align(tokens, words, anchors)
	}
	now := s.start
	for i := 0; i < len(tokens); {
		if w := anchors[i]; w >= 0 {
			tokens[i].start = min(max(words[w].start, now), s.end)
			tokens[i].end = min(max(words[w].end, tokens[i].start), s.end)
			now = tokens[i].end
			i++
			continue
		}
		j := i
		for j < len(tokens) && anchors[j] < 0 {
			j++
		}
		until := s.end
		if j < len(tokens) {
			until = min(max(words[anchors[j]].start, now), s.end)
		}
		share(tokens[i:j], now, until)
		now, i = until, j
	}
}

// share divides the time from start to end among tokens by their length.
func share(tokens []token, start, end int64) {
	var total, sum int64
	for _, t := range tokens {
		total += int64(t.width) + 1
	}
	for i := range tokens {
		tokens[i].start = start + (end-start)*sum/total
		sum += int64(tokens[i].width) + 1
		tokens[i].end = start + (end-start)*sum/total
	}
}

// align finds the longest common sequence of tokens and words.
func align(tokens []token, words []word, anchors []int) {
	keys := make([]string, len(tokens))
	for i, t := range tokens {
		keys[i] = key(t.text)
	}
	cols := len(words) + 1
	best := make([]int32, (len(tokens)+1)*cols)
	for i := len(tokens) - 1; i >= 0; i-- {
		for j := len(words) - 1; j >= 0; j-- {
			at := i*cols + j
			best[at] = max(best[at+cols], best[at+1])
			if keys[i] != "" && keys[i] == words[j].key {
				best[at] = max(best[at], best[at+cols+1]+1)
			}
		}
	}
	for i, j := 0, 0; i < len(tokens) && j < len(words); {
		at := i*cols + j
		switch {
		case keys[i] != "" && keys[i] == words[j].key && best[at] == best[at+cols+1]+1:
			anchors[i] = j
			i, j = i+1, j+1
		case best[at] == best[at+cols]:
			i++
		default:
			j++
		}
	}
}
