package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/internal/spoken"
)

// token is what is never broken over two lines: a word with its punctuation,
// or one character of a script that has no spaces.
type token struct {
	text       string
	width      int   // columns, at least 1
	glued      bool  // no space before it
	start, end int64 // milliseconds
	boundary   boundary
}

// boundary says how well a text can be broken after a token.
type boundary int

const (
	inPhrase  boundary = iota
	afterWeak          // an article or the like, which wants its noun
	inScript           // between two characters of a script without spaces
	afterClause
	afterSentence
)

// isBlank reports what separates words: white space and control characters.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// spaceless are the scripts that can be broken at any character. Thai and its
// like cannot: they are broken at the spaces that end their phrases.
var spaceless = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana}

// wide are the characters that take two columns.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{{0x1100, 0x115f, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0xa4cf, 1}, {0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1}, {0xfe30, 0xfe6f, 1}, {0xff00, 0xff60, 1}, {0xffe0, 0xffe6, 1}},
	R32: []unicode.Range32{{0x1f300, 0x1f64f, 1}, {0x1f900, 0x1f9ff, 1}, {0x20000, 0x3fffd, 1}},
}

// runeWidth returns the columns of r: 0 for marks that combine.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// tokenize splits a text into tokens, none wider than limit columns.
func tokenize(text string, limit int) []token {
	var all []token
	for _, word := range strings.FieldsFunc(text, isBlank) {
		for i, piece := range pieces(word, limit) {
			all = append(all, token{text: piece, width: max(1, width(piece)), glued: i > 0})
		}
	}
	for i := range all {
		all[i].boundary = boundaryAfter(all[i].text)
		if i+1 < len(all) && all[i+1].glued && all[i].boundary < afterClause {
			all[i].boundary = inScript
		}
	}
	return all
}

// pieces splits what has no spaces: before each character of a spaceless
// script, and where it would be too wide.
func pieces(word string, limit int) []string {
	var all []string
	begin, w := 0, 0
	var last rune
	for i, r := range word {
		n := runeWidth(r)
		between := n > 0 && !closes(r) && !opens(last) && (unicode.In(r, spaceless...) || unicode.In(last, spaceless...))
		if i > begin && (between || w+n > limit) {
			all = append(all, word[begin:i])
			begin, w = i, 0
		}
		w += n
		if n > 0 {
			last = r
		}
	}
	return append(all, word[begin:])
}

// closes reports punctuation that belongs to what is before it.
func closes(r rune) bool {
	return unicode.In(r, unicode.Pe, unicode.Pf) || strings.ContainsRune(".,;:!?…。、，！？：；％%ー～'\"’”", r)
}

// opens reports punctuation that belongs to what follows.
func opens(r rune) bool {
	return unicode.In(r, unicode.Ps, unicode.Pi) || r == '$' || r == '€' || r == '£'
}

// abbreviations end in a dot that ends no sentence.
var abbreviations = spoken.WordSet("mr. mrs. ms. dr. prof. st. vs. no. e.g. i.e. etc. u.s. inc. ltd.")

// weak are the English words after which a line is badly broken.
var weak = spoken.WordSet(`a an the of to in on at by for from with into as and or but nor if that than so is are was were be been
am has have had do does did will would can could shall should may might must not no my your his her its our their this
these those i you he she we they who which what mr. mrs. ms. dr. prof. st.`)

// trailers may follow the mark that ends a sentence or clause.
const trailers = "\"')]}»”’」』"

func boundaryAfter(word string) boundary {
	lower := strings.ToLower(word)
	bare := strings.TrimRight(lower, trailers)
	r, _ := utf8.DecodeLastRuneInString(bare)
	switch {
	case strings.ContainsRune("!?…。！？", r), r == '.' && !abbreviations[bare]:
		return afterSentence
	case strings.ContainsRune(",;:、，；：–—", r):
		return afterClause
	case weak[lower]:
		return afterWeak
	}
	return inPhrase
}

// endsSentence reports whether a text ends where a sentence does.
func endsSentence(text string) bool {
	return boundaryAfter(text[strings.LastIndexByte(text, ' ')+1:]) == afterSentence
}

// joint returns what goes between two texts that follow each other.
func joint(a, b string) string {
	x, _ := utf8.DecodeLastRuneInString(a)
	y, _ := utf8.DecodeRuneInString(b)
	cjk := func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || strings.ContainsRune("。、，！？", r)
	}
	if cjk(x) && cjk(y) {
		return ""
	}
	return " "
}
