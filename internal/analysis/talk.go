package analysis

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// talk is a transcript cut into sentences.
type talk struct {
	result    *api.Result
	sentences []sentence
}

// sentence is one sentence of one segment, or a segment of a recognizer that
// gives no full stops.
type sentence struct {
	segment int
	at      float64  // seconds; the start of the segment, or the place in it
	text    string   // as written
	words   []string // lower case, without punctuation
	names   []string // those of words that begin with a capital
	asks    bool     // it ends in a question mark
}

func newTalk(r *api.Result) *talk {
	t := &talk{result: r}
	for i := range r.Segments {
		seg := &r.Segments[i]
		for _, part := range cut(seg.Text) {
			s := sentence{segment: i, at: seg.Start, text: part.text, asks: strings.HasSuffix(part.text, "?")}
			if length := seg.End - seg.Start; length > 0 && part.from > 0 {
				s.at += length * float64(part.from) / float64(len(seg.Text))
			}
			s.at = round(s.at, 2)
			s.words = bare(part.text)
			s.names = capitals(part.text)
			if len(s.words) > 0 {
				t.sentences = append(t.sentences, s)
			}
		}
	}
	return t
}

type stretch struct {
	text string
	from int // byte of the segment's text
}

// cut parts text after . ? ! and …, but not after an abbreviation or within a
// number.
func cut(text string) []stretch {
	var out []stretch
	from := 0
	add := func(to int) {
		s := text[from:to]
		trimmed := strings.TrimSpace(s)
		if trimmed != "" {
			out = append(out, stretch{trimmed, from + strings.Index(s, trimmed)})
		}
		from = to
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != '.' && c != '?' && c != '!' {
			continue
		}
		if i+1 < len(text) && text[i+1] != ' ' {
			continue
		}
		if text[i] == '.' && abbreviated(text[from:i+1]) && i+1 < len(text) {
			continue
		}
		add(i + 1)
	}
	add(len(text))
	return out
}

func abbreviated(s string) bool {
	last := strings.ToLower(s[strings.LastIndexByte(s, ' ')+1:])
	switch last {
	case "mr.", "mrs.", "ms.", "dr.", "st.", "a.m.", "p.m.", "vs.", "e.g.", "i.e.", "no.", "inc.", "u.s.":
		return true
	}
	return len(last) == 2 && last[0] >= 'a' && last[0] <= 'z' && last[0] != 'i' // an initial
}

// bare returns the words of s in lower case without the punctuation around.
func bare(s string) []string {
	fields := strings.Fields(strings.ToLower(s))
	out := fields[:0]
	for _, f := range fields {
		if f = strings.Trim(f, ".,!?;:\"'“”‘()…-–—*"); f != "" {
			out = append(out, strings.ReplaceAll(f, "’", "'"))
		}
	}
	return out
}

// capitals returns the words of s that begin with a capital, as bare gives them.
func capitals(s string) []string {
	var out []string
	for _, f := range strings.Fields(s) {
		if r, _ := utf8.DecodeRuneInString(strings.TrimLeft(f, "\"'“‘(")); unicode.IsUpper(r) {
			out = append(out, bare(f)...)
		}
	}
	return out
}

// ref returns the place of s.
func (t *talk) ref(s *sentence) api.Ref {
	return api.Ref{Segment: s.segment, Start: s.at, Speaker: t.result.Segments[s.segment].Speaker}
}

func (t *talk) quote(s *sentence) api.Quote {
	return api.Quote{Ref: t.ref(s), Text: clip(s.text)}
}

// clip cuts s to maxQuote characters, between words, with an ellipsis.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxQuote {
		return strings.ToValidUTF8(s, "")
	}
	n := 0
	for i := range s {
		if n++; n == maxQuote {
			s = s[:i]
			break
		}
	}
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "") + "…"
}

// round returns v with so many decimals; what is not finite, and minus zero,
// is 0, for JSON knows neither.
func round(v float64, decimals int) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	p := math.Pow10(decimals)
	v = math.Round(v*p) / p
	if v == 0 || math.IsInf(v, 0) {
		return 0
	}
	return v
}
