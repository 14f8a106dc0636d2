package analysis

import (
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/spoken"
)

// financial returns the sums, percentages and dates, as said and normalized,
// each once per segment and value.
func (t *talk) financial() []api.Amount {
	out := []api.Amount{}
	seen := map[api.Amount]bool{}
	for i := range t.result.Segments {
		seg := &t.result.Segments[i]
		words := moneyWords(seg.Text)
		for k := 0; k < len(words.bare); {
			prev := ""
			if k > 0 {
				prev = words.bare[k-1]
			}
			a, n := amount(prev, words.bare[k:words.stop[k]])
			if n == 0 {
				k += max(1, skip(words.bare[k:words.stop[k]]))
				continue
			}
			from, to := words.at[k][0], words.at[k+n-1][1]
			a.Ref = api.Ref{Segment: i, Start: round(seg.Start+place(seg, from), 2), Speaker: seg.Speaker}
			a.Said = clip(seg.Text[from:to])
			key := api.Amount{Ref: api.Ref{Segment: i}, Kind: a.Kind, Normalized: a.Normalized}
			if !seen[key] && len(out) < maxAmounts {
				seen[key] = true
				out = append(out, a)
			}
			k += n
		}
	}
	return out
}

// skip returns how many number words in a row begin words: the end of a
// number that is no amount must not be read as one.
func skip(words []string) int {
	_, n := spoken.Cardinal(words)
	return n
}

// place returns the seconds from the start of seg to byte at of its text, by
// its share of the text.
func place(seg *api.Segment, at int) float64 {
	if length := seg.End - seg.Start; length > 0 && len(seg.Text) > 0 {
		return length * float64(at) / float64(len(seg.Text))
	}
	return 0
}

func amount(prev string, words []string) (api.Amount, int) {
	if words[0] == "a" && prev == "of" {
		return api.Amount{}, 0 // "a quarter of a million dollars"
	}
	if m, n := spoken.ParseMoney(words); n > 0 {
		return api.Amount{
			Kind: api.AmountMoney, Normalized: cents(m.Amount) + " " + m.Currency,
			Value: round(m.Amount.Float(), 2), Currency: m.Currency,
		}, n
	}
	if p, n := spoken.Percent(words); n > 0 {
		return api.Amount{Kind: api.AmountPercent, Normalized: p.String() + "%", Value: round(p.Float(), 6)}, n
	}
	if d, n := spoken.ParseDate(prev, words); n > 0 {
		return api.Amount{Kind: api.AmountDate, Normalized: d.ISO(), Value: float64(d.Year)}, n
	}
	return api.Amount{}, 0
}

// cents returns n with two decimals at least: 1200.00.
func cents(n spoken.Number) string {
	for len(n.Frac) < 2 {
		n.Frac += "0"
	}
	return n.String()
}

// dateLength returns how many words from the first make a date, after "on"
// and its like.
func dateLength(words []string) int {
	_, n := spoken.ParseDate("on", words)
	return n
}

// words of a segment, with the bytes they lie at, and where reading from each
// has to stop.
type wordList struct {
	bare []string
	at   [][2]int
	stop []int
}

// moneyWords cuts text into words without punctuation. A comma or full stop
// ends reading, but for the comma between day and year.
func moneyWords(text string) wordList {
	var l wordList
	var hard []bool
	for from := 0; from < len(text); {
		for from < len(text) && isBlank(text[from]) {
			from++
		}
		to := from
		for to < len(text) && !isBlank(text[to]) {
			to++
		}
		raw := text[from:to]
		left := strings.TrimLeft(raw, "\"'“‘(")
		core := strings.TrimRight(left, ".,!?;:\"'”’)…")
		if core != "" {
			start := from + len(raw) - len(left)
			l.bare = append(l.bare, strings.ToLower(core))
			l.at = append(l.at, [2]int{start, start + len(core)})
			after := left[len(core):]
			hard = append(hard, after != "" && !(after == "," && dayBeforeYear(l.bare)))
		}
		from = to
	}
	l.stop = make([]int, len(l.bare))
	for i := len(l.bare) - 1; i >= 0; i-- {
		l.stop[i] = i + 1
		if !hard[i] && i+1 < len(l.bare) {
			l.stop[i] = l.stop[i+1]
		}
	}
	return l
}

// dayBeforeYear reports whether the last of words is the day of a month.
func dayBeforeYear(words []string) bool {
	for n := 2; n <= 4 && n <= len(words); n++ {
		tail := words[len(words)-n:]
		if spoken.MonthOf(tail[0]) > 0 {
			_, k := spoken.ParseDate("on", tail)
			return k == n
		}
	}
	return false
}

func isBlank(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }
