package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/wer"
)

// writeWAV writes samples as a WAV file, one channel each.
func writeWAV(t *testing.T, channels ...[]float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.wav")
	w, err := newWAV(path, len(channels))
	if err != nil {
		t.Fatal(err)
	}
	var pcm []byte
	for i := range channels[0] {
		for _, samples := range channels {
			v := math.Round(float64(samples[i]) * 32768)
			pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(max(-32768, min(32767, v)))))
		}
	}
	if err := w.write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// scaled is w, so many decibels louder.
func scaled(w []float32, db float64) []float32 {
	return raise(nil, w, decibels(db), decibels(db))
}

func TestLevel_sameWords(t *testing.T) {
	b := newBench(t, 2)
	for _, id := range []string{"0870", "0920"} {
		whole := speech(t, id)
		want := strings.Fields(b.transcribeFile(t, writeWAV(t, whole), nil).text())
		for _, db := range []float64{-6, -12, -20, -30, -40} {
			got := b.transcribeFile(t, writeWAV(t, scaled(whole, db)), nil)
			most := 0
			if db < -30 {
				most = 1
			}
			if n := wer.Errors(want, strings.Fields(got.text())); n > most || len(want) < 10 {
				t.Errorf("%s at %.0f dB: got %q, want %q", id, db, got.text(), want)
			}
			quiet := false
			for _, n := range got.end.Notices {
				quiet = quiet || n.Code == api.NoticeQuiet
			}
			if quiet != (db <= -20) && db != -20 && db != -12 {
				t.Errorf("%s at %.0f dB: got notices %v, want one that says quiet below -20 dB only", id, db, got.end.Notices)
			}
		}
	}
}

func TestLevel_farSpeaker(t *testing.T) {
	b := newBench(t, 2)
	near, far := speech(t, "0870"), scaled(speech(t, "0920"), -28)
	pause := make([]float32, sampleRate*3/2)
	for _, order := range [][][]float32{{near, pause, far}, {far, pause, near}, {near, pause, far, pause, near}} {
		var all []float32
		for _, part := range order {
			all = append(all, part...)
		}
		got := b.transcribeFile(t, writeWAV(t, all), nil).text()
		for _, want := range []string{"leisure to consider how much", "still more respectable than he was"} {
			if !strings.Contains(got, want) {
				t.Errorf("got %q, want both speakers, with %q", got, want)
			}
		}
	}
}

// What is no speech is not raised until it sounds like it.
func TestLevel_noWordsInNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var low float64
	noises := map[string]func(i int) float64{
		"silence": func(int) float64 { return 0 },
		"white":   func(int) float64 { return rng.NormFloat64() },
		"brown":   func(int) float64 { low += (rng.NormFloat64() - low) / 40; return 8 * low },
		"hum":     func(i int) float64 { return math.Sin(2 * math.Pi * 50 * float64(i) / sampleRate) },
		"clicks": func(i int) float64 {
			if i%9001 < 20 {
				return 3
			}
			return 0.01 * rng.NormFloat64()
		},
		"swelling": func(i int) float64 {
			return rng.NormFloat64() * (1 + math.Sin(2*math.Pi*float64(i)/(3*sampleRate))) / 2
		},
	}
	b := newBench(t, 2)
	for name, noise := range noises {
		for _, db := range []float64{-20, -45, -65} {
			t.Run(fmt.Sprintf("%s at %.0f dB", name, db), func(t *testing.T) {
				samples := make([]float32, 12*sampleRate)
				for i := range samples {
					samples[i] = float32(decibels(db) * noise(i))
				}
				got := b.transcribeFile(t, writeWAV(t, samples), nil)
				if got.end.Code != api.JobNoSpeech || len(got.segments) > 0 {
					t.Errorf("got %+v, %s %s, want no speech", got.segments, got.end.Code, got.end.Message)
				}
			})
		}
	}
}

func TestLevel_clippedIsTold(t *testing.T) {
	b := newBench(t, 2)
	got := b.transcribeFile(t, writeWAV(t, scaled(speech(t, "0870"), 24)), nil)
	if n := got.end.Notices; len(n) != 1 || n[0].Code != api.NoticeClipped {
		t.Errorf("got notices %v, want one that says clipped", n)
	}
	if n := b.transcribeFile(t, writeWAV(t, speech(t, "0870")), nil).end.Notices; len(n) != 0 {
		t.Errorf("got notices %v for a clean recording, want none", n)
	}
}

// The gain never jumps: between two samples it changes by less than can be
// heard, also where a loud voice follows a quiet one.
func TestLevel_gainIsSlow(t *testing.T) {
	var l leveler
	last, highest := 1.0, 0.0
	check := func(ended bool) {
		for {
			w, from, to, ok := l.next(ended)
			if !ok {
				return
			}
			if len(w) != window || from != last && l.out > 1 {
				t.Fatalf("got %d samples from gain %.3f, want %d from %.3f", len(w), from, window, last)
			}
			if step := 20 * math.Abs(math.Log10(to/from)); step > 2.5 {
				t.Errorf("got a step of %.2f dB in a window, want less than 2.5", step)
			}
			last, highest = to, max(highest, to)
		}
	}
	quiet, loud := scaled(speech(t, "0920"), -30), speech(t, "0870")
	count := 0
	for _, samples := range [][]float32{quiet, loud, quiet} {
		for i := 0; i+window <= len(samples); i += window {
			l.add(samples[i : i+window])
			count++
			check(false)
		}
	}
	check(true)
	if l.out != count {
		t.Errorf("got %d windows out of %d, want all", l.out, count)
	}
	if highest < decibels(20) {
		t.Errorf("got a gain of %.1f at most, want at least 10 for speech at -30 dB", highest)
	}
}
