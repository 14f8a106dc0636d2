package search

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// document is a transcript as it is indexed.
type document struct {
	Text     string   `json:"text"`     // the segments, a line each
	Finished float64  `json:"finished"` // Unix seconds
	Speakers []string `json:"speakers"` // in lower case
	Places   string   `json:"places"`   // places as JSON
}

// places are where the segments lie in the text, and when they were said.
type places struct {
	At      []int     `json:"a"` // byte of the text
	Start   []float64 `json:"s"` // seconds
	Speaker []string  `json:"w,omitempty"`
}

func newDocument(e Entry) document {
	segs := e.Result.Segments
	if len(segs) == 0 {
		segs = []api.Segment{{Text: e.Result.Text}}
	}
	var text strings.Builder
	var p places
	var names []string
	for i := range segs {
		start := segs[i].Start
		if math.IsNaN(start) || math.IsInf(start, 0) {
			start = 0
		}
		p.At = append(p.At, text.Len())
		p.Start = append(p.Start, math.Round(start*100)/100)
		p.Speaker = append(p.Speaker, segs[i].Speaker)
		if name := strings.ToLower(segs[i].Speaker); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
		text.WriteString(strings.ReplaceAll(strings.ToValidUTF8(segs[i].Text, "\uFFFD"), "\n", " "))
		text.WriteByte('\n')
	}
	if names == nil {
		p.Speaker = nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		raw = []byte("{}") // cannot be: finite numbers and strings always encode
	}
	return document{Text: text.String(), Finished: *seconds(e.FinishedAt), Speakers: names, Places: string(raw)}
}

func parsePlaces(raw string) (p places, err error) {
	if err := json.Unmarshal([]byte(raw), &p); err != nil {
		return places{}, fmt.Errorf("read the places of a transcript: %w", err)
	}
	return p, nil
}

// segment returns the segment that byte at of the text lies in, -1 for none.
func (p places) segment(at int) int {
	seg, exact := slices.BinarySearch(p.At, at)
	if !exact {
		seg--
	}
	return seg
}

// speaker returns who spoke a segment, "" where it is not known.
func (p places) speaker(seg int) string {
	if seg < 0 || seg >= len(p.Speaker) {
		return ""
	}
	return p.Speaker[seg]
}

// Sizes of what a hit shows.
const (
	maxSnippets = 5
	maxContext  = 160 // bytes before the first match, and after the last, of one segment
)

// snippets returns the segments of text that hold matches, the ones with most
// matches first chosen, in the order of the talk.
func (p places) snippets(text string, matches [][2]int) []api.SearchSnippet {
	slices.SortFunc(matches, func(a, b [2]int) int { return a[0] - b[0] })
	bySegment := map[int][][2]int{}
	var order []int
	for _, m := range slices.Compact(matches) {
		seg := p.segment(m[0])
		if seg < 0 || m[0] >= m[1] || m[1] > len(text) {
			continue
		}
		if bySegment[seg] == nil {
			order = append(order, seg)
		}
		bySegment[seg] = append(bySegment[seg], m)
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(bySegment[b]) - len(bySegment[a]) })
	order = order[:min(len(order), maxSnippets)]
	slices.Sort(order)
	out := make([]api.SearchSnippet, 0, len(order))
	for _, seg := range order {
		end := len(text)
		if seg+1 < len(p.At) {
			end = p.At[seg+1]
		}
		s := excerpt(text, p.At[seg], end, bySegment[seg])
		s.Segment, s.Start = seg, p.Start[seg]
		s.Speaker = p.speaker(seg)
		out = append(out, s)
	}
	return out
}

// excerpt cuts the segment text[from:end] around its matches.
func excerpt(text string, from, end int, matches [][2]int) api.SearchSnippet {
	end = from + len(strings.TrimRight(text[from:end], "\n"))
	first, last := matches[0][0], matches[len(matches)-1][1]
	if last-first > 2*maxContext {
		last = matches[0][1]
	}
	a, b := from, end
	head, tail := "", ""
	if first-from > maxContext {
		a = first - maxContext
		if i := strings.IndexByte(text[a:first], ' '); i >= 0 {
			a += i + 1
		} else {
			a = first
		}
		head = "…"
	}
	if end-last > maxContext {
		b = last + maxContext
		if i := strings.LastIndexByte(text[last:b], ' '); i >= 0 {
			b = last + i
		} else {
			b = last
		}
		tail = "…"
	}
	s := api.SearchSnippet{Text: head + text[a:b] + tail, Matches: [][2]int{}}
	for _, m := range matches {
		if m[0] >= a && m[1] <= b {
			s.Matches = append(s.Matches, [2]int{m[0] - a + len(head), m[1] - a + len(head)})
		}
	}
	return s
}
