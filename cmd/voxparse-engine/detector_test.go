package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// noisy is samples with white noise of the given power below full scale, dB.
func noisy(samples []float32, db float64) []float32 {
	rnd := rand.New(rand.NewPCG(1, 2))
	sd := math.Pow(10, db/20)
	out := make([]float32, len(samples))
	for i, v := range samples {
		out[i] = v + float32(sd*rnd.NormFloat64())
	}
	return out
}

// newEar is a detector on the real model, which is freed at the test's end.
func newEar(t *testing.T) *detector {
	t.Helper()
	d, err := newDetector(tiny(t).Files["vad"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// segments cuts samples into pieces, with a fresh state of d.
func segments(d *detector, samples []float32, each bool) (out []piece, asked int) {
	d.reset()
	d.lookEach = each
	s := &segmenter{emit: func(p piece) { out = append(out, p) }}
	for rest := samples; len(rest) >= window; rest = rest[window:] {
		s.add(rest[:window], d.hear(rest[:window]), 0)
	}
	s.finish(int64(len(samples)))
	return out, d.asked
}

func TestAskingTheModelLessFindsTheSamePieces(t *testing.T) {
	d := newEar(t)
	clean := spaced(t, sampleRate*9/5) // no piece goes on over that
	tests := []struct {
		name    string
		samples []float32
	}{
		{"clean", clean}, {"soft noise", noisy(clean, -55)}, {"noise", noisy(clean, -40)}, {"loud noise", noisy(clean, -32)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want, all := segments(d, tt.samples, true)
			got, asked := segments(d, tt.samples, false)
			t.Logf("asked about %d of %d windows", asked, all)
			if asked > all*3/4 {
				t.Errorf("asked about %d of %d windows, want at most three in four", asked, all)
			}
			if len(got) != len(want) {
				t.Fatalf("got %d pieces, want %d", len(got), len(want))
			}
			for i, p := range want {
				// Pieces are padded: a start too early costs nothing.
				late, end := seconds(got[i].start-p.start), math.Abs(seconds(got[i].end-p.end))
				if late > 0.1 || late < -0.4 || end > 0.25 {
					t.Errorf("piece %d: got %d-%d, want %d-%d or nearly so (samples)", i, got[i].start, got[i].end, p.start, p.end)
				}
			}
		})
	}
}

// covered says of each sample whether it is in one of pieces.
func covered(pieces []piece, length int) []bool {
	in := make([]bool, length)
	for _, p := range pieces {
		for i := p.start; i < min(p.end, int64(length)); i++ {
			in[i] = true
		}
	}
	return in
}

// The recordings, loud and soft, with pauses, over noise.
func TestAskingTheModelLessLosesNoSpeech(t *testing.T) {
	d := newEar(t)
	clean := recordings(t)
	var speech, missing, extra, longest int
	for _, gain := range []float32{1, 0.3} {
		for _, noise := range []float64{-60, -50, -40} {
			for _, pause := range []int{1, 3} {
				var samples []float32
				for part := range slices.Chunk(clean, len(clean)/5+1) {
					for _, v := range part {
						samples = append(samples, v*gain)
					}
					samples = append(samples, make([]float32, pause*sampleRate)...)
				}
				samples = noisy(samples, noise)
				all, _ := segments(d, samples, true)
				less, _ := segments(d, samples, false)
				want, got := covered(all, len(samples)), covered(less, len(samples))
				run := 0
				for i := range want {
					switch {
					case want[i] && !got[i]:
						missing++
						run++
						longest = max(longest, run)
					case got[i] && !want[i]:
						extra++
						run = 0
					default:
						run = 0
					}
					if want[i] {
						speech++
					}
				}
			}
		}
	}
	sum := func(n int) float64 { return seconds(int64(n)) }
	t.Logf("of %.0f s of speech %.1f s are missing, %.2f s at once, and %.1f s more are taken for it", sum(speech), sum(missing), sum(longest), sum(extra))
	if missing > speech/40 || sum(longest) > 0.5 || extra > speech/40 {
		t.Error("want at most one second in forty missing or more, and none for over half a second")
	}
}
