package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/internal/spoken"
)

// token is one word of the transcript, or one part of a word such as
// "four-one-one".
type token struct {
	seg, field int    // index of its segment, and of the word in it
	start, end int    // bytes of the segment's text, without surrounding punctuation
	word       string // lower case
	digits     string // the digits it stands for in a row of digits, "" for none
	mask       Kind   // the kind of the mask that it is
	soft       bool   // a comma, full stop or the like stands before it
}

// trimmed is the punctuation that does not belong to a word.
const trimmed = ".,!?;:\"'“”‘’[]{}<>…*_"

// tokenize cuts the text of segment seg into tokens.
func tokenize(dst []token, seg int, text string) []token {
	field, soft := -1, false
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			i += size
			continue
		}
		end := i
		for end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			if unicode.IsSpace(r) {
				break
			}
			end += size
		}
		field++
		before := len(dst)
		dst = appendField(dst, token{seg: seg, field: field, start: i, end: end}, text)
		if len(dst) > before {
			dst[before].soft = dst[before].soft || soft
			soft = strings.ContainsAny(text[dst[len(dst)-1].end:end], ",.;:!?")
		}
		i = end
	}
	return dst
}

// appendField adds the tokens of one field: masks, number words joined by
// hyphens, or the one word that it is.
func appendField(dst []token, t token, text string) []token {
	for t.start < t.end {
		at, kind := nextMask(text[t.start:t.end])
		if at < 0 {
			return appendWord(dst, t, text)
		}
		head := t
		head.end = t.start + at
		dst = appendWord(dst, head, text)
		m := t
		m.start, m.end = head.end, head.end+len(kind.Mask())
		m.word, m.mask, m.soft = strings.ToLower(string(kind)), kind, true
		dst = append(dst, m)
		t.start = m.end
	}
	return dst
}

// nextMask returns where the first mask in s begins, or -1.
func nextMask(s string) (int, Kind) {
	if !strings.Contains(s, "[") {
		return -1, ""
	}
	at, found := -1, Kind("")
	for _, k := range Kinds {
		if i := strings.Index(s, k.Mask()); i >= 0 && (at < 0 || i < at) {
			at, found = i, k
		}
	}
	return at, found
}

func appendWord(dst []token, t token, text string) []token {
	raw := text[t.start:t.end]
	left := strings.TrimLeft(raw, trimmed)
	t.start += len(raw) - len(left)
	core := strings.TrimRight(left, trimmed)
	t.end = t.start + len(core)
	core, t.start, t.end = unbracket(core, t.start, t.end)
	if core == "" {
		return dst
	}
	t.word = strings.ToLower(core)
	if parts := strings.Split(t.word, "-"); len(parts) > 1 && len(t.word) == len(core) && allNumberWords(parts) {
		for _, p := range parts {
			sub := t
			sub.end = sub.start + len(p)
			sub.word, sub.digits = p, wordDigits(p)
			dst = append(dst, sub)
			t.start = sub.end + 1
		}
		return dst
	}
	t.digits = wordDigits(t.word)
	if t.digits == "" {
		t.digits = writtenDigits(core)
	}
	return append(dst, t)
}

// unbracket takes off a bracket at either end that has no partner in core:
// "(555)" keeps both of its own.
func unbracket(core string, start, end int) (string, int, int) {
	for strings.HasPrefix(core, "(") && (!strings.Contains(core, ")") || !strings.ContainsAny(core, "0123456789")) {
		core, start = core[1:], start+1
	}
	for strings.HasSuffix(core, ")") && !strings.Contains(core, "(") {
		core, end = core[:len(core)-1], end-1
	}
	trim := strings.TrimRight(core, trimmed)
	return trim, start, end - (len(core) - len(trim))
}

func allNumberWords(parts []string) bool {
	for _, p := range parts {
		if _, digit := spoken.Digit(p); !digit && !spoken.IsNumberWord(p) {
			return false
		}
	}
	return true
}

// wordDigits returns the digits of a unit or teen, and of a ten on its own.
func wordDigits(w string) string {
	if d, ok := spoken.Digit(w); ok {
		return string(d)
	}
	if v, n := spoken.Below100([]string{w}); n == 1 && v >= 10 {
		return string([]byte{byte('0' + v/10), byte('0' + v%10)})
	}
	return ""
}

// hyphens writes every dash as a hyphen.
var hyphens = strings.NewReplacer("–", "-", "—", "-", "‑", "-", "‐", "-", "−", "-")

// writtenDigits returns the digits of a number written in one piece, "" where
// it is rather a date, a price, a version or a time.
func writtenDigits(core string) string {
	if !strings.ContainsAny(core, "0123456789") {
		return ""
	}
	s := hyphens.Replace(core)
	if isDate(s) {
		return ""
	}
	if strings.ContainsAny(s, ".,") {
		parts := strings.FieldsFunc(strings.TrimPrefix(s, "+"), func(r rune) bool { return r == '.' || r == ',' })
		if !phoneOrCardGroups(parts) {
			return ""
		}
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0, r == '-' && i > 0, r == '(', r == ')', r == '.', r == ',':
		default:
			return ""
		}
	}
	return b.String()
}

// phoneOrCardGroups reports whether groups parted by points or commas are
// those of a phone number (3-3-4) or of a card (fours).
func phoneOrCardGroups(parts []string) bool {
	if len(parts) > 3 && len(parts[0]) <= 3 && len(parts[0]) > 0 && len(parts[1]) == 3 {
		parts = parts[1:]
	}
	if len(parts) == 3 && len(parts[0]) == 3 && len(parts[1]) == 3 && len(parts[2]) == 4 {
		return true
	}
	for _, p := range parts {
		if len(p) != 4 {
			return false
		}
	}
	return len(parts) > 2
}

func isDate(s string) bool {
	_, n := spoken.ParseDate("", []string{s})
	return n > 0
}
