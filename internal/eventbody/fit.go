package eventbody

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
)

// resultBody is a result as a webhook carries it.
type resultBody struct {
	api.Result
	Truncated bool   `json:"truncated,omitempty"`
	ResultURL string `json:"result_url,omitempty"`
}

// maxResultURL bounds the address in a truncated result, in bytes.
const maxResultURL = 2048

// fitResult encodes r in at most limit bytes, without its words. What does not
// fit goes in this order: segments, analysis, the end of the text.
func fitResult(r *api.Result, resultURL string, limit int) ([]byte, error) {
	b := resultBody{Result: *r}
	b.Words = nil
	b.Segments = finite(b.Segments)
	out, err := encode(b)
	if err != nil || len(out) <= limit {
		return out, err
	}
	b.Truncated = true
	if len(resultURL) <= maxResultURL {
		b.ResultURL = resultURL
	}
	b.Segments = []api.Segment{}
	if out, err = encode(b); err != nil || len(out) <= limit {
		return out, err
	}
	b.AIAnalysis = nil
	if out, err = encode(b); err != nil || len(out) <= limit {
		return out, err
	}
	b.Text = ""
	if out, err = encode(b); err != nil {
		return nil, err
	}
	if len(out)*2 > limit {
		// Not the text is large but what should be small.
		b.Redactions = nil
		b.JobID, b.Language, b.Model = clip.Bytes(b.JobID, maxID), clip.Bytes(b.Language, maxName), clip.Bytes(b.Model, maxName)
		if out, err = encode(b); err != nil {
			return nil, err
		}
	}
	b.Text = cutEscaped(r.Text, limit-len(out))
	return encode(b)
}

// finite returns the segments as a list that JSON can hold: never null, and
// without a confidence that is no number.
func finite(segments []api.Segment) []api.Segment {
	out := make([]api.Segment, len(segments))
	copy(out, segments)
	for i, s := range out {
		if s.Confidence != nil && (math.IsNaN(*s.Confidence) || math.IsInf(*s.Confidence, 0)) {
			out[i].Confidence = nil
		}
	}
	return out
}

// cutEscaped returns the longest beginning of text whose JSON form, quotes
// aside, takes at most room bytes and which ends at a word, or, where no word
// ends in its last 200 bytes, at a whole character.
func cutEscaped(text string, room int) string {
	used := 0
	for i, r := range text {
		size := escapedSize(text[i:], r)
		if used+size > room {
			return cutAt(text, i)
		}
		used += size
	}
	return text
}

// cutAt shortens text to at most end bytes, at the end of a word where there is
// one near, else before the character that end falls into. end lies between two
// runes.
func cutAt(text string, end int) string {
	const near = 200
	head := text[:end]
	next, _ := utf8.DecodeRuneInString(text[end:])
	if !unicode.IsSpace(next) {
		if space := strings.LastIndexFunc(head, unicode.IsSpace); space > end-near && space > 0 {
			return strings.TrimRightFunc(head[:space], unicode.IsSpace)
		}
		head = wholeCharacters(head, next)
	}
	return strings.TrimRightFunc(head, unicode.IsSpace)
}

// wholeCharacters drops the last character of head if next belongs to it: a
// combining mark, a variation selector or a joiner.
func wholeCharacters(head string, next rune) string {
	const zeroWidthJoiner = '\u200d'
	for head != "" {
		last, n := utf8.DecodeLastRuneInString(head)
		if !extends(next) && last != zeroWidthJoiner {
			return head
		}
		next, head = last, head[:len(head)-n]
	}
	return head
}

func extends(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc, unicode.Variation_Selector) || r == '\u200d' || (r >= 0x1f3fb && r <= 0x1f3ff)
}

// escapedSize is the number of bytes that the rune r at the start of s takes in
// a JSON string.
func escapedSize(s string, r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\b' || r == '\f' || r == '\n' || r == '\r' || r == '\t':
		return 2
	case r < 0x20:
		return 6
	case r == utf8.RuneError:
		if _, n := utf8.DecodeRuneInString(s); n == 1 {
			return 3 // an invalid byte becomes U+FFFD
		}
	}
	return utf8.RuneLen(r)
}
