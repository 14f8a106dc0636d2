package main

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
)

// speech returns the samples of a recording.
func speech(tb testing.TB, id string) []float32 {
	tb.Helper()
	b, err := os.ReadFile(audio(tb, "audio/sense_and_sensibility_01_austen_64kb-"+id+".wav"))
	if err != nil {
		tb.Fatal(err)
	}
	const header = 44
	out := make([]float32, (len(b)-header)/2)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[header+2*i:]))) / 32768
	}
	return out
}

// sum is own, so loud, with what leaks into it from other, so loud and so many
// samples later, dulled as by a telephone where dull is set, and with noise.
func sum(own []float32, gain float32, other []float32, leak float32, delay int, dull bool, noise float32) []float32 {
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
			out[i] += leak * v
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
		{"a leak of -12 dB after 5 ms", sum(nil, 0, other, 0.25, 80, false, 0), 0.99, 1},
		{"a leak of -20 dB after 41 ms, with noise", sum(nil, 0, other, 0.1, 660, false, 0.0005), 0.95, 1},
		{"a dull leak of -15 dB", sum(nil, 0, other, 0.18, 90, true, 0.0002), 0.95, 1},
		{"somebody else", sum(own, 1, other, 0, 0, false, 0), 0, 0},
		{"somebody else, -12 dB", sum(own, 0.25, other, 0, 0, false, 0), 0, 0},
		{"somebody else over a leak of -12 dB", sum(own, 1, other, 0.25, 80, false, 0), 0, 0.04},
	} {
		b := newBleed()
		var all, copied float64
		for i := 0; i+window <= len(other); i += window {
			b.add(c.heard[i:i+window], other[i:i+window])
			power := float64(dot(b.own[:bleedBlock], b.own[:bleedBlock]))
			all += power
			if b.copied() {
				copied += power
			}
		}
		if got := copied / all; got < c.least || got > c.most {
			t.Errorf("%s: got %.3f of it taken for a copy, want %.2f to %.2f", c.name, got, c.least, c.most)
		}
	}
}

// BenchmarkBleed is what a channel costs in which somebody speaks all the time
// while the other is louder: the worst there is.
func BenchmarkBleed(b *testing.B) {
	other, own := speech(b, "0870"), speech(b, "0920")
	heard := sum(own, 0.25, other, 0, 0, false, 0)
	seconds := 0.0
	for b.Loop() {
		l := newBleed()
		for i := 0; i+window <= len(heard); i += window {
			l.add(heard[i:i+window], other[i:i+window])
			l.spoken(true)
		}
		seconds += float64(len(heard)) / sampleRate
	}
	b.ReportMetric(seconds/b.Elapsed().Seconds(), "audio_s/s")
}
