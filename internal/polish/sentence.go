package polish

import (
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// proper are the words that always have a capital; "may" and "march" are not
// among them, for they are verbs too.
var proper = map[string]string{
	"i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd",
	"monday": "Monday", "tuesday": "Tuesday", "wednesday": "Wednesday", "thursday": "Thursday", "friday": "Friday",
	"saturday": "Saturday", "sunday": "Sunday", "january": "January", "february": "February", "april": "April",
	"june": "June", "july": "July", "august": "August", "september": "September", "october": "October",
	"november": "November", "december": "December", "english": "English", "american": "American",
}

// sentenceCase gives capitals: to the first word of a sentence, and, where the
// recognizer gives no case, to "I", days and months.
func sentenceCase(p []piece, st style, e ends) []piece {
	begins := e.begins
	for i := range p {
		before, word, after := core(p[i].text)
		if !st.cased {
			if c := proper[word]; c != "" {
				p[i].text = before + c + after
			} else if spoken.MonthOf(word) > 0 && len(word) > 2 && i+1 < len(p) && startsWithDigit(p[i+1].text) {
				p[i].text = before + capital(word) + after
			}
		}
		if begins && (!st.cased || i > 0 || e.begins && !st.punctuated) && !strings.ContainsAny(word, "@") {
			p[i].text = capital(p[i].text)
		}
		begins = !st.cased && endsSentence(p[i].text) && !abbreviation(word+after)
	}
	return p
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func abbreviation(s string) bool {
	switch strings.ToLower(s) {
	case "mr.", "mrs.", "ms.", "dr.", "st.", "a.m.", "p.m.", "vs.", "etc.", "e.g.", "i.e.":
		return true
	}
	return false
}

// stop ends the last sentence: with a question mark where its first words ask.
func stop(p []piece) []piece {
	n := len(p)
	if n == 0 {
		return p
	}
	_, word, after := core(p[n-1].text)
	if word == "" || strings.ContainsAny(after, ".!?…") || strings.HasSuffix(p[n-1].text, ".") {
		return p
	}
	from := n - 1
	for from > 0 && !endsSentence(p[from-1].text) {
		from--
	}
	words := make([]string, 0, n-from)
	for _, w := range p[from:] {
		_, word, _ := core(w.text)
		words = append(words, strings.ToLower(word))
	}
	mark := "."
	if spoken.Asks(words) {
		mark = "?"
	}
	p[n-1].text = strings.TrimRight(p[n-1].text, ",;:-–—") + mark
	return p
}
