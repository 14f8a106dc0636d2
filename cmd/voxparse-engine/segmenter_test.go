package main

import (
	"slices"
	"testing"
)

// FuzzSegmenter cuts audio in which each byte of shape is a stretch: speech
// where it is odd, as many windows long as the rest of it says.
func FuzzSegmenter(f *testing.F) {
	f.Add([]byte{20, 101, 60, 33, 8, 5}, uint16(0))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255}, uint16(511)) // a minute without a pause
	f.Add([]byte{1, 0, 1, 0, 3, 2, 3, 2}, uint16(100))
	f.Add([]byte{0, 0}, uint16(7))
	f.Fuzz(func(t *testing.T, shape []byte, missing uint16) {
		var all []float32
		var spoken []bool
		for _, b := range shape[:min(len(shape), 64)] {
			for range int(b) / 2 * 4 {
				for range window {
					all = append(all, float32(len(all)+1))
				}
				spoken = append(spoken, b%2 == 1)
			}
		}
		var pieces []piece
		s := &segmenter{emit: func(p piece) { pieces = append(pieces, p) }}
		for i, speech := range spoken {
			s.add(all[i*window:(i+1)*window], speech, 0)
			if len(s.buf) > maxFeed+2*sampleRate {
				t.Fatalf("got %d samples kept, want little more than one piece", len(s.buf))
			}
		}
		total := max(0, int64(len(all))-int64(missing%window))
		s.finish(total)
		checkPieces(t, pieces, all, spoken, total)
	})
}

// checkPieces checks pieces of the audio all against what was spoken in it.
func checkPieces(t *testing.T, pieces []piece, all []float32, spoken []bool, total int64) {
	t.Helper()
	var last int64
	for i, p := range pieces {
		if len(p.feed) > maxFeed || len(p.feed) < padBefore+padAfter {
			t.Errorf("piece %d: got %d samples to recognize, want %d to %d", i, len(p.feed), padBefore+padAfter, maxFeed)
		}
		if p.start < last || p.end <= p.start || p.end > total {
			t.Fatalf("piece %d: got %d-%d, want it after %d and within %d", i, p.start, p.end, last, total)
		}
		last = p.end
		if got := p.feed[p.lead : p.lead+int(p.end-p.start)]; !slices.Equal(got, all[p.start:p.end]) {
			t.Errorf("piece %d: its audio is not that of %d-%d", i, p.start, p.end)
		}
	}
	for i, speech := range spoken {
		at := int64(i*window + window/2)
		if !speech || at >= total {
			continue
		}
		if !slices.ContainsFunc(pieces, func(p piece) bool {
			from := p.start - int64(p.lead)
			return at >= from && at < from+int64(len(p.feed))
		}) {
			t.Fatalf("the speech at sample %d is in none of %d pieces", at, len(pieces))
		}
	}
}
