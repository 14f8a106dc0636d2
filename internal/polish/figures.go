package polish

import (
	"strconv"
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// figures writes numbers and amounts in figures: "twenty five dollars" is
// "$25". Where words could be more than one number they stay as they are, and
// so do numbers below ten without a unit: "one of them".
func figures(p []piece) []piece {
	words := make([]string, len(p)) // in lower case, without punctuation
	ends := make([]int, len(p))     // where reading from i must stop: after a mark
	for i := len(p) - 1; i >= 0; i-- {
		before, word, after := core(p[i].text)
		words[i] = strings.ToLower(word)
		ends[i] = i + 1
		if after == "" && i+1 < len(p) {
			if b, _, _ := core(p[i+1].text); b == "" {
				ends[i] = ends[i+1]
			}
		}
		if before != "" && after != "" {
			words[i] = "" // a quotation of one word stays
		}
	}
	out := p[:0:0]
	for i := 0; i < len(p); {
		prev := ""
		if i > 0 {
			prev = words[i-1]
		}
		parts := figure(prev, words[i:ends[i]])
		n := 0
		for _, part := range parts {
			n += part.n
		}
		if n == 0 {
			n = max(1, numberRow(words[i:ends[i]]))
			out = append(out, p[i:i+n]...)
		} else {
			out = append(out, place(parts, p[i:i+n])...)
		}
		i += n
	}
	return out
}

// part is one word of a figure, made of n words.
type part struct {
	text string
	n    int
}

// place makes pieces of the parts of a figure; the marks around what they
// replace stay around them.
func place(parts []part, p []piece) []piece {
	before, _, _ := core(p[0].text)
	_, _, after := core(p[len(p)-1].text)
	out := make([]piece, len(parts))
	at := 0
	for i, part := range parts {
		out[i] = piece{part.text, p[at].from, p[at+part.n-1].to}
		at += part.n
	}
	out[0].text = before + out[0].text
	last := &out[len(out)-1]
	if strings.HasSuffix(last.text, ".") {
		after = strings.TrimPrefix(after, ".")
	}
	last.text += after
	return out
}

// figure reads one figure from the beginning of words, nil for none.
func figure(prev string, words []string) []part {
	for _, rule := range []func(string, []string) []part{clockTime, money, percent, date, digitRow, year, ordinal, cardinal} {
		if parts := rule(prev, words); parts != nil {
			return parts
		}
	}
	return nil
}

func money(prev string, words []string) []part {
	m, n := spoken.ParseMoney(words)
	if n < 2 || m.Symbol == "" || strings.HasPrefix(words[0], m.Symbol) {
		return nil // "fifty cents", "twelve bucks": the number alone
	}
	if words[0] == "half" || words[0] == "a" && prev == "of" {
		return nil // "a quarter of a million dollars"
	}
	if num, k := spoken.Cardinal(words); k == n-1 && k > 1 && num.Int >= 1e6 && scaleOf(words[k-1]) {
		return []part{{m.Symbol + short(num, words[k-1]), k - 1}, {words[k-1], 2}}
	}
	return []part{{m.Symbol + m.Amount.Grouped(), n}}
}

// short writes num in its scale: 1.2 for one point two million.
func short(num spoken.Number, scale string) string {
	zeros := map[string]int{"million": 6, "billion": 9, "trillion": 12}[scale]
	s := strconv.FormatInt(num.Int, 10)
	whole, frac := "0", strings.Repeat("0", zeros)[:max(0, zeros-len(s))]+s[max(0, len(s)-zeros):]
	if len(s) > zeros {
		whole = s[:len(s)-zeros]
	}
	if frac = strings.TrimRight(frac, "0"); frac == "" {
		return whole
	}
	return whole + "." + frac
}

func scaleOf(w string) bool { return w == "million" || w == "billion" || w == "trillion" }

// spelled counts the words that are not in digits.
func spelled(words []string) int {
	n := 0
	for _, w := range words {
		if w != "" && !startsWithDigit(w) {
			n++
		}
	}
	return n
}

func percent(_ string, words []string) []part {
	num, n := spoken.Percent(words)
	if n < 2 || words[0] == "half" || words[0] == "a" {
		return nil
	}
	return []part{{num.Grouped() + "%", n}}
}

func date(prev string, words []string) []part {
	d, n := spoken.ParseDate(prev, words)
	if n < 2 || spoken.MonthOf(words[0]) != d.Month || spelled(words[1:n]) == 0 {
		return nil
	}
	month := part{capital(words[0]), 1}
	if d.Day == 0 {
		return []part{month, {strconv.Itoa(d.Year), n - 1}}
	}
	if d.Year == 0 {
		return []part{month, {strconv.Itoa(d.Day), n - 1}}
	}
	// The year is the longest tail that says it.
	for k := 2; k < n; k++ {
		if y, m := spoken.Year(words[k:n]); y == d.Year && m == n-k {
			return []part{month, {strconv.Itoa(d.Day) + ",", k - 1}, {strconv.Itoa(d.Year), n - k}}
		}
	}
	return nil
}

var beforeYear = spoken.WordSet("in since of by year until till during before after from summer winter spring fall autumn")

func year(prev string, words []string) []part {
	y, n := spoken.Year(words)
	if n < 2 || !(beforeYear[prev] || spoken.MonthOf(prev) > 0) || (n < len(words) && follows(words[n])) {
		return nil
	}
	return []part{{strconv.Itoa(y), n}}
}

// follows reports whether w makes a number of what stands before it.
func follows(w string) bool {
	return spoken.IsNumberWord(w) || w == "point" || w == "oh" || w == "dollars" || w == "percent" || w == "people"
}

func ordinal(_ string, words []string) []part {
	v, n := spoken.Ordinal(words)
	if n == 0 || spelled(words[:1]) == 0 || v < 20 || v%10 == 0 {
		return nil
	}
	suffix := "th"
	if v/10%10 != 1 {
		suffix = map[int]string{1: "st", 2: "nd", 3: "rd"}[v%10]
		if suffix == "" {
			suffix = "th"
		}
	}
	return []part{{strconv.Itoa(v) + suffix, n}}
}

// cardinal writes numbers of ten and more, and those with a point.
func cardinal(prev string, words []string) []part {
	num, n := spoken.Cardinal(words)
	if n == 0 || words[0] == "half" || spelled(words[:n]) == 0 {
		return nil
	}
	if last := words[n-1]; (words[0] == "a" || words[0] == "an") && (last == "hundred" || last == "thousand" || scaleOf(last)) {
		return nil // "a hundred times" is no count
	}
	if num.Int < 10 && num.Frac == "" || spoken.IsNumberWord(prev) || prev == "point" || prev == "oh" {
		return nil
	}
	for _, w := range words[:n] {
		if w == "half" {
			return nil
		}
	}
	if n < len(words) {
		next := words[n]
		if follows(next) && next != "people" || spoken.MonthOf(next) > 0 || startsWithDigit(next) {
			return nil
		}
		if next == "and" && n+1 < len(words) && spoken.IsNumberWord(words[n+1]) && num.Int >= 100 {
			return nil
		}
		if _, k := spoken.Ordinal(words[n:]); k > 0 {
			return nil
		}
	}
	if startsWithDigit(prev) {
		return nil
	}
	if scaleOf(words[n-1]) && num.Int >= 1e6 {
		if n == 1 {
			return nil
		}
		return []part{{short(num, words[n-1]), n - 1}, {words[n-1], 1}}
	}
	if num.Int >= 2000 && num.Int < 2100 && num.Frac == "" {
		return []part{{num.String(), n}} // mostly a year
	}
	return []part{{num.Grouped(), n}}
}
