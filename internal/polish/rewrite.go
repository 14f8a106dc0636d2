package polish

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/internal/spoken"
)

// rewrite applies every rule until none changes anything more: so polishing
// twice is polishing once.
func rewrite(p []piece, st style, e ends) []piece {
	if !st.cased {
		p = lower(p)
	}
	for range maxRounds {
		before := join(p)
		p = punctuate(p)
		p = dropFillers(p)
		p = dropFalseStarts(p)
		p = figures(p)
		if join(p) == before {
			break
		}
	}
	p = sentenceCase(p, st, e)
	if !st.punctuated && e.stops {
		p = stop(p)
	}
	return p
}

// maxRounds bounds rewrite; each round leaves fewer words, or none changes.
const maxRounds = 50

// lower writes text in capitals in small letters.
func lower(p []piece) []piece {
	for i := range p {
		p[i].text = strings.ToLower(p[i].text)
	}
	return p
}

// core returns the word in text without punctuation, and what stands around it.
func core(text string) (before, word, after string) {
	word = strings.TrimLeft(text, opening)
	before = text[:len(text)-len(word)]
	rest := strings.TrimRight(word, closing)
	return before, rest, word[len(rest):]
}

const (
	opening = "\"'“‘([¿¡"
	closing = ".,!?;:\"'”’)]…-–—"
)

// punctuate joins loose punctuation to the word before it and writes a row of it as one mark.
func punctuate(p []piece) []piece {
	out := p[:0:0]
	for _, w := range p {
		w.text = collapse(w.text)
		if n := len(out); n > 0 && strings.Trim(w.text, ".,!?;:") == "" {
			out[n-1].text = collapse(out[n-1].text + w.text)
			continue
		}
		out = append(out, w)
	}
	return out
}

// collapse writes a row of commas or of two full stops as one mark, and a comma
// before a full stop as a full stop.
func collapse(s string) string {
	for _, r := range []struct{ old, new string }{{",,", ","}, {",.", "."}, {".,", ","}, {",?", "?"}, {",!", "!"}, {"??", "?"}, {"!!", "!"}} {
		for strings.HasSuffix(s, r.old) {
			if r.old == ".," && strings.Count(s, ".") > 1 {
				break // "p.m.,"
			}
			s = strings.TrimSuffix(s, r.old) + r.new
		}
	}
	if strings.HasSuffix(s, "..") && !strings.HasSuffix(s, "...") {
		s = s[:len(s)-1]
	}
	return s
}

var fillers = map[string]bool{"um": true, "umm": true, "uhm": true, "uh": true, "uhh": true, "erm": true, "er": true}

// dropFillers leaves out "um" and its like. A full stop behind one goes to the
// word before it, a comma around it goes.
func dropFillers(p []piece) []piece {
	out := p[:0:0]
	begins := false // the next word takes over the capital of a filler
	for i, w := range p {
		before, word, after := core(w.text)
		if !fillers[strings.ToLower(word)] || (word == "ER" || word == "UM") || before != "" {
			if begins {
				w.text = capital(w.text)
				begins = false
			}
			out = append(out, w)
			continue
		}
		n := len(out)
		begins = begins || startsUpper(word) && (n == 0 || endsSentence(out[n-1].text))
		if n == 0 || after == "" {
			continue
		}
		prev := strings.TrimRight(out[n-1].text, ",")
		switch {
		case strings.ContainsAny(after[:1], ".?!"):
			if !endsSentence(prev) {
				out[n-1].text = prev + after[:1]
			}
		case i+1 < len(p) && after[0] == ',':
			out[n-1].text = prev
		}
	}
	return out
}

// repeated are the words that are said twice only by mistake.
var repeated = spoken.WordSet("the a an i we you he she it they to of in on at for from with and but or is was are were my your our their his if because as i'm it's we're i'll there's what's")

var pronouns = spoken.WordSet("i we you he she it they i'm it's we're they're there's")

// meant may follow a pronoun twice and be no mistake.
var meant = spoken.WordSet("know said say says think no yes")

// dropFalseStarts leaves out the first of "the the" and of "i was i was".
func dropFalseStarts(p []piece) []piece {
	out := p[:0:0]
	for _, w := range p {
		out = append(out, w)
		for n := len(out); n >= 2 && sameStart(out[n-2], out[n-1], repeated); n = len(out) {
			out = replaceStart(out, n-2, n-1)
		}
		if n := len(out); n >= 4 && sameStart(out[n-4], out[n-2], pronouns) && sameWord(out[n-3], out[n-1]) && plain(out[n-4]) {
			out = replaceStart(out, n-4, n-2)
		}
	}
	return out
}

// replaceStart leaves out the words [at, by) of out; the word at by takes over
// the capital of the one at at.
func replaceStart(out []piece, at, by int) []piece {
	if startsUpper(out[at].text) {
		out[by].text = capital(out[by].text)
	}
	return append(out[:at], out[by:]...)
}

func sameStart(a, b piece, set map[string]bool) bool {
	before, x, after := core(a.text)
	if before != "" || strings.Trim(after, ",-–—") != "" || !set[strings.ToLower(x)] {
		return false
	}
	beforeB, y, _ := core(b.text)
	return beforeB == "" && strings.EqualFold(x, y)
}

func sameWord(a, b piece) bool {
	before, x, after := core(a.text)
	_, y, _ := core(b.text)
	return before == "" && strings.Trim(after, ",-–—") == "" && x != "" && strings.EqualFold(x, y) && !meant[strings.ToLower(x)]
}

func plain(p piece) bool {
	_, _, after := core(p.text)
	return after == ""
}

func startsUpper(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, opening))
	return unicode.IsUpper(r)
}

// capital returns s with its first letter as a capital.
func capital(s string) string {
	word := strings.TrimLeft(s, opening)
	r, size := utf8.DecodeRuneInString(word)
	if !unicode.IsLower(r) {
		return s
	}
	return s[:len(s)-len(word)] + string(unicode.ToUpper(r)) + word[size:]
}
