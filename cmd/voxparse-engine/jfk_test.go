package main

import (
	"fmt"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/wer"
)

const askNot = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"

// The best known eleven seconds of test speech keep every word at any level at
// which they may have been recorded. One may come out as another that sounds
// like it ("as" for "ask"): that hangs on the arithmetic of the processor.
func TestJFK_everyLevel(t *testing.T) {
	whole := sound(t, "recordings/jfk.wav")
	quiet := []api.NoticeCode{api.NoticeQuiet}
	tests := []struct {
		dB      float64
		notices []api.NoticeCode
	}{{0, nil}, {-3, nil}, {-6, nil}, {-9, nil}, {-12, nil}, {-15, nil}, {-18, nil}, {-20, nil}, {-24, nil}, {-30, quiet}, {-40, quiet}}
	b := newBench(t, 2)
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.0f dB", tt.dB), func(t *testing.T) {
			got := b.transcribeFile(t, writeWAV(t, scaled(whole, tt.dB)), nil)
			t.Logf("%s %v", got.text(), got.end.Notices)
			expectation{words: askNot, errors: 1, notices: tt.notices}.check(t, got)
			if n, want := len(plainWords(got.text())), len(plainWords(askNot)); n != want {
				t.Errorf("got %d words, want %d: none is lost", n, want)
			}
		})
	}
}

// A channel in which nothing was recorded takes no word away.
func TestJFK_deadChannel(t *testing.T) {
	whole := sound(t, "recordings/jfk.wav")
	dead := make([]float32, len(whole))
	b := newBench(t, 2)
	for i, channels := range [][][]float32{{whole, dead}, {dead, whole}, {scaled(whole, -20), dead}, {whole, dead, dead, dead}} {
		got := b.transcribeFile(t, writeWAV(t, channels...), nil)
		t.Logf("%d %s %v", i, got.text(), got.end.Notices)
		if n := wer.Errors(plainWords(askNot), plainWords(got.text())); n > 1 || len(plainWords(got.text())) != len(plainWords(askNot)) {
			t.Errorf("got %q with dead channels, want %q", got.text(), askNot)
		}
	}
}
