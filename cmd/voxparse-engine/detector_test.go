package main

import (
	"math"
	"math/rand/v2"
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
	d, err := newDetector(tiny(t).Files["vad"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	clean := recordings(t)
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
