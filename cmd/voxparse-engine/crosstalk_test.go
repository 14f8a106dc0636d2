package main

import (
	"math/rand/v2"
	"testing"
)

// speech returns the samples of a recording.
func speech(tb testing.TB, id string) []float32 {
	tb.Helper()
	return sound(tb, "audio/sense_and_sensibility_01_austen_64kb-"+id+".wav")
}

// sound are the samples of a mono WAV file of testdata.
func sound(tb testing.TB, name string) []float32 {
	tb.Helper()
	samples, err := samplesOf(audio(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return samples
}

// sum is own, so loud, with what is heard in it of other, so loud and so many
// samples later, dulled as by a telephone where dull is set, and with noise.
func sum(own []float32, gain float32, other []float32, crosstalk float32, delay int, dull bool, noise float32) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]float32, len(other))
	var last float32
	for i := range out {
		if i < len(own) {
			out[i] = gain * own[i]
		}
		if i >= delay {
			v := other[i-delay]
			if dull {
				last += (v - last) / 2
				v = last
			}
			out[i] += crosstalk * v
		}
		out[i] += noise * float32(rng.NormFloat64())
	}
	return out
}

func TestACopyOfTheOtherChannelIsToldFromSpeech(t *testing.T) {
	other, own := speech(t, "0870"), speech(t, "0920")
	for _, c := range []struct {
		name        string
		heard       []float32
		least, most float64 // share of the power of heard that is taken for a copy
	}{
		{"crosstalk of -12 dB after 5 ms", sum(nil, 0, other, 0.25, 80, false, 0), 0.99, 1},
		{"crosstalk of -20 dB after 41 ms, with noise", sum(nil, 0, other, 0.1, 660, false, 0.0005), 0.95, 1},
		{"dull crosstalk of -15 dB", sum(nil, 0, other, 0.18, 90, true, 0.0002), 0.95, 1},
		{"somebody else", sum(own, 1, other, 0, 0, false, 0), 0, 0},
		{"somebody else, -12 dB", sum(own, 0.25, other, 0, 0, false, 0), 0, 0},
		{"somebody else over crosstalk of -12 dB", sum(own, 1, other, 0.25, 80, false, 0), 0, 0.04},
	} {
		x := newCrosstalk(2)
		var all, copied float64
		for i := 0; i+window <= len(other); i += window {
			x.add(0, c.heard[i:i+window])
			x.add(1, other[i:i+window])
			own := x.channels[0].latest[crosstalkLate : crosstalkLate+crosstalkBlock]
			power := float64(dot(own, own))
			all += power
			if x.copied(0) {
				copied += power
			}
		}
		if got := copied / all; got < c.least || got > c.most {
			t.Errorf("%s: got %.3f of it taken for a copy, want %.2f to %.2f", c.name, got, c.least, c.most)
		}
	}
}

// Somebody speaks for 1.8 s while the other, who is louder, goes on and is
// heard in both channels: what is said over crosstalk is no crosstalk.
func TestCrosstalk_spokenOver(t *testing.T) {
	loud, reply := speech(t, "0870"), speech(t, "0920")
	reply = reply[sampleRate/2 : sampleRate/2+sampleRate*18/10]
	const at = 2 * sampleRate
	for _, level := range []float32{1, 0.5, 0.35, 0.25} { // of the reply: 0 to -12 dB
		for _, delay := range []int{80, 320, 660} { // 5, 20, 41 ms
			for _, crosstalk := range []float32{0.25, 0.1} { // -12, -20 dB
				kept, all, wrong := over(loud, reply, at, level, crosstalk, delay)
				if kept < all*7/10 {
					t.Errorf("a reply of level %.2f over crosstalk of %.2f after %d samples: got %d of %d windows, want most", level, crosstalk, delay, kept, all)
				}
				if wrong > 3 {
					t.Errorf("crosstalk of %.2f after %d samples: got %d windows of it for speech, want none", crosstalk, delay, wrong)
				}
			}
		}
	}
}

// over counts the windows of a reply that are heard, those that there are, and
// those of crosstalk that are taken for speech.
func over(loud, reply []float32, at int, level, gain float32, delay int) (kept, all, wrong int) {
	own := make([]float32, len(loud))
	for i, v := range reply {
		own[at+i] = level * v
	}
	first, second := sum(loud, 1, own, gain, delay, false, 0.0002), sum(own, 1, loud, gain, delay, false, 0.0002)
	x := newCrosstalk(2)
	for i := 0; i+window <= len(loud); i += window {
		x.add(0, second[i:i+window])
		x.add(1, first[i:i+window])
		heard, late := x.spoken(0, meanSquare(second[i:i+window]) > 1e-5)
		switch {
		case i >= at && i < at+len(reply):
			if meanSquare(own[i:i+window]) > 1e-4*float64(level*level) {
				all++
			}
			if heard {
				kept += 1 + int(late/window)
			}
		case heard && (i < at-4*window || i > at+len(reply)+12*window):
			wrong++
		}
	}
	return kept, all, wrong
}

// BenchmarkCrosstalk is what a channel costs in which somebody speaks all the time
// while the other is louder: the worst there is.
func BenchmarkCrosstalk(b *testing.B) {
	other, own := speech(b, "0870"), speech(b, "0920")
	heard := sum(own, 0.25, other, 0, 0, false, 0)
	seconds := 0.0
	for b.Loop() {
		x := newCrosstalk(2)
		for i := 0; i+window <= len(heard); i += window {
			x.add(0, heard[i:i+window])
			x.add(1, other[i:i+window])
			x.spoken(0, true)
		}
		seconds += float64(len(heard)) / sampleRate
	}
	b.ReportMetric(seconds/b.Elapsed().Seconds(), "audio_s/s")
}
