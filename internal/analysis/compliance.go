package analysis

import (
	"cmp"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/redact"
)

// concernKinds are the kinds of data that rules of trade protect.
var concernKinds = []redact.Kind{redact.CardNumber, redact.SecurityCode, redact.CardExpiry, redact.SSN}

// concerns returns where protected data was said, or is masked.
func concerns(r *api.Result) []api.Concern {
	out := []api.Concern{}
	for _, f := range redact.Find(r) {
		if !slices.Contains(concernKinds, f.Kind) {
			continue
		}
		first, last := f.Parts[0], f.Parts[len(f.Parts)-1]
		out = append(out, concern(r, first.Segment, first.Start, last.End, f.Kind, false))
	}
	out = append(out, masked(r)...)
	slices.SortStableFunc(out, func(a, b api.Concern) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Start, b.Start))
	})
	return out[:min(len(out), maxConcerns)]
}

func concern(r *api.Result, segment int, start, end float64, k redact.Kind, redacted bool) api.Concern {
	return api.Concern{
		Ref: api.Ref{Segment: segment, Start: round(start, 2), Speaker: r.Segments[segment].Speaker},
		End: round(end, 2), Kind: string(k), Redacted: redacted,
	}
}

// masked returns where data is masked already. The masks of one number that was
// said in several segments are one concern.
func masked(r *api.Result) []api.Concern {
	var out []api.Concern
	var last []int // the segment that each was last heard in
	for i := range r.Segments {
		seg := &r.Segments[i]
		for _, k := range concernKinds {
			for range strings.Count(seg.Text, k.Mask()) {
				j := len(out) - 1
				for j >= 0 && !(out[j].Kind == string(k) && partOf(r, last[j], i, k)) {
					j--
				}
				if j < 0 {
					out, last = append(out, concern(r, i, seg.Start, seg.End, k, true)), append(last, i)
					continue
				}
				if out[j].End = max(out[j].End, round(seg.End, 2)); seg.Speaker == out[j].Speaker {
					last[j] = i
				}
			}
		}
	}
	return out
}

// maxGoesOn is how many segments later a number may go on.
const maxGoesOn = 4

// partOf reports whether a mask in segment i is of the number last heard in
// the earlier one: said on by the same speaker, or repeated by another who is
// told the rest afterwards.
func partOf(r *api.Result, earlier, i int, k redact.Kind) bool {
	if r.Segments[i].Speaker == r.Segments[earlier].Speaker {
		return continues(r, earlier, i, k)
	}
	for n := i + 1; n < len(r.Segments) && n <= earlier+maxGoesOn; n++ {
		if continues(r, earlier, n, k) {
			return true
		}
	}
	return false
}

// continues reports whether the mask that begins segment i goes on the number
// that ended the earlier one, of the same speaker.
func continues(r *api.Result, earlier, i int, k redact.Kind) bool {
	if earlier >= i || i-earlier > maxGoesOn || r.Segments[earlier].Speaker != r.Segments[i].Speaker {
		return false
	}
	tail := strings.TrimRight(r.Segments[earlier].Text, " .,!?")
	return strings.HasSuffix(tail, k.Mask()) && strings.HasPrefix(strings.TrimSpace(r.Segments[i].Text), k.Mask())
}
