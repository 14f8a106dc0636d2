package transcript

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// segment is a segment that can be relied on: times in milliseconds, in order
// of their start, none negative, end not before start, text not empty.
type segment struct {
	start, end int64
	speaker    string
	text       string
}

// maxSeconds is the latest time that is written: 1,000 hours.
const maxSeconds = 3_600_000

// millis turns seconds into milliseconds; what is no time becomes the nearest.
func millis(s float64) int64 {
	if math.IsNaN(s) || s < 0 {
		return 0
	}
	return int64(math.Round(min(s, maxSeconds) * 1000))
}

// segments returns the segments of r that have text. A result of an engine
// that gives no segments is one.
func segments(r *api.Result) []segment {
	all := make([]segment, 0, len(r.Segments))
	for _, s := range r.Segments {
		text := strings.TrimSpace(upright(s.Text))
		if text == "" {
			continue
		}
		start := millis(s.Start)
		all = append(all, segment{start, max(start, millis(s.End)), clean(s.Speaker), text})
	}
	if text := strings.TrimSpace(upright(r.Text)); len(all) == 0 && text != "" {
		all = append(all, segment{0, millis(r.DurationSeconds), "", text})
	}
	slices.SortStableFunc(all, func(a, b segment) int { return cmp.Compare(a.start, b.start) })
	return all
}

// upright returns s as valid UTF-8 without the marks that turn the direction of
// writing: one left open would turn what comes after the text, too. Letters
// that are written from right to left need none.
func upright(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// clean puts a text on one line: white space and control characters become
// single spaces.
func clean(s string) string {
	return strings.Join(strings.FieldsFunc(upright(s), isBlank), " ")
}

// clock writes a time for people: 1:02:03, or 2:03 below an hour.
func clock(ms int64) string {
	s := ms / 1000
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// paragraph is segments that are read in one go.
type paragraph struct {
	start   int64 // milliseconds
	speaker string
	text    string
}

// A paragraph ends with its speaker, at a pause, and, once it is long, with a
// sentence.
const (
	paragraphPause = 2_000 // milliseconds
	paragraphLong  = 500   // bytes
)

func paragraphs(segs []segment) []paragraph {
	var all []paragraph
	var b strings.Builder
	var end int64
	for i, s := range segs {
		text := clean(s.text)
		if text == "" {
			continue
		}
		if i > 0 && len(all) > 0 {
			last := &all[len(all)-1]
			pause := s.start-end >= paragraphPause
			long := b.Len() >= paragraphLong && endsSentence(b.String())
			if last.speaker == s.speaker && !pause && !long {
				b.WriteString(joint(b.String(), text) + text)
				end = max(end, s.end)
				continue
			}
			last.text = b.String()
		}
		b.Reset()
		b.WriteString(text)
		all = append(all, paragraph{start: s.start, speaker: s.speaker})
		end = s.end
	}
	if len(all) > 0 {
		all[len(all)-1].text = b.String()
	}
	return all
}
