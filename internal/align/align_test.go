package align_test

import (
	"slices"
	"testing"

	"github.com/voxparse/voxparse/internal/align"
)

func TestSpans(t *testing.T) {
	tests := []struct {
		name    string
		weights [][]float32
		want    []align.Span
	}{
		{"no tokens", nil, []align.Span{}},
		{"no frames", [][]float32{{}, {}}, []align.Span{{}, {}}},
		{"one token", [][]float32{{0, 1, 0}}, []align.Span{{0, 3}}},
		{"one after the other", [][]float32{{1, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}, []align.Span{{0, 2}, {2, 3}, {3, 4}}},
		{"more tokens than frames", [][]float32{{1}, {1}, {1}}, []align.Span{{0, 1}, {0, 1}, {0, 1}}},
		{"a token that looked back stays behind", [][]float32{{0, 0, 2, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}}, []align.Span{{0, 3}, {2, 3}, {3, 4}}},
	}
	for _, tt := range tests {
		if got := align.Spans(tt.weights); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Whatever the weights, spans go forward and stay within the frames.
func FuzzSpans(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1}, uint8(2))
	f.Add([]byte("any weights at all"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, frames uint8) {
		m := int(frames)%64 + 1
		var weights [][]float32
		for ; len(b) >= m; b = b[m:] {
			row := make([]float32, m)
			for i, v := range b[:m] {
				row[i] = float32(v)
			}
			weights = append(weights, row)
		}
		spans := align.Spans(weights)
		if len(spans) != len(weights) {
			t.Fatalf("got %d spans, want %d", len(spans), len(weights))
		}
		for i, s := range spans {
			if s.Start < 0 || s.End > m || s.Start >= s.End || i > 0 && (s.Start < spans[i-1].Start || s.End < spans[i-1].End) {
				t.Fatalf("got spans %v of %d frames, want them to go forward", spans, m)
			}
		}
	})
}
