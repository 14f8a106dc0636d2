package analysis

import (
	"cmp"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/spoken"
)

// speakers returns the named speakers of r in the order in which they first speak.
func speakers(r *api.Result) []string {
	var out []string
	for i := range r.Segments {
		if who := r.Segments[i].Speaker; who != "" && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// share fills in who talked how much, and who interrupted whom.
func share(a *api.Analysis, r *api.Result) {
	who := speakers(r)
	if len(who) == 0 {
		return
	}
	all := 0.0
	for _, s := range who {
		st := api.SpeakerTalk{Speaker: s}
		last := 0.0
		for _, seg := range byStart(r, s) {
			if from := max(seg.Start, last); seg.End > from {
				st.Seconds += seg.End - from
			}
			last = max(last, seg.End)
			st.Words += len(strings.Fields(seg.Text))
		}
		all += st.Seconds
		a.TalkRatio = append(a.TalkRatio, st)
	}
	for i := range a.TalkRatio {
		st := &a.TalkRatio[i]
		if all > 0 {
			st.Ratio = round(st.Seconds/all, 3)
		}
		if st.Seconds > 0 {
			st.WordsPerMinute = round(float64(st.Words)/st.Seconds*60, 1)
		}
		st.Seconds = round(st.Seconds, 2)
	}
	slices.SortStableFunc(a.TalkRatio, func(x, y api.SpeakerTalk) int { return cmp.Compare(y.Seconds, x.Seconds) })
	if len(who) > 1 {
		interruptions(a, r)
	}
}

func byStart(r *api.Result, speaker string) []api.Segment {
	var out []api.Segment
	for i := range r.Segments {
		if r.Segments[i].Speaker == speaker {
			out = append(out, r.Segments[i])
		}
	}
	slices.SortStableFunc(out, func(a, b api.Segment) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// What counts as an interruption rather than as listening aloud or as taking
// the turn a moment early, in seconds and words.
const (
	minOverlap   = 0.4
	minHeadStart = 0.5 // the other has spoken for so long already
	minWords     = 3
)

// listening are words that a listener says without wanting the turn.
var listening = spoken.WordSet("yeah yes yep right okay ok sure mhm mm-hmm uh-huh uh huh mm hmm oh i see got it no wow exactly great good thanks thank you of course go ahead alright all true really")

// interruptions finds where one begins while another goes on speaking.
func interruptions(a *api.Analysis, r *api.Result) {
	order := make([]int, len(r.Segments))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(r.Segments[x].Start, r.Segments[y].Start) })
	var open []int // segments that may still run
	for _, i := range order {
		seg := &r.Segments[i]
		open = slices.DeleteFunc(open, func(j int) bool { return !(r.Segments[j].End > seg.Start) })
		longest, whom := 0.0, -1
		for _, j := range open {
			other := &r.Segments[j]
			overlap := min(seg.End, other.End) - seg.Start
			if other.Speaker != seg.Speaker && overlap > longest {
				longest, whom = overlap, j
			}
		}
		open = append(open, i)
		if whom < 0 {
			continue
		}
		a.TalkOverlap += longest
		other := &r.Segments[whom]
		if longest < minOverlap || seg.Start-other.Start < minHeadStart || seg.Speaker == "" || other.Speaker == "" || onlyListening(seg.Text) {
			continue
		}
		if len(a.Interruptions) < maxInterrupts {
			a.Interruptions = append(a.Interruptions, api.Interruption{
				Ref:         api.Ref{Segment: i, Start: round(seg.Start, 2), Speaker: seg.Speaker},
				Interrupted: other.Speaker, Overlap: round(longest, 2),
			})
		}
	}
	a.TalkOverlap = round(a.TalkOverlap, 2)
}

// onlyListening reports whether text is a few words of a listener.
func onlyListening(text string) bool {
	words := bare(text)
	other := 0
	for _, w := range words {
		if !listening[w] {
			other++
		}
	}
	return len(words) < minWords || other == 0
}
