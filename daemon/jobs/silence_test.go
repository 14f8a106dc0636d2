package jobs

import (
	"math"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/redact"
)

func TestSilencesCoverWhatWasMasked(t *testing.T) {
	segments := []api.Segment{{Start: 1, End: 5}, {Start: 6, End: 20}}
	masked := []redact.Span{{Start: 8, End: 9}}
	beside := []api.Word{{Start: 2, End: 3}, {Start: 7, End: 7.75}, {Start: 8, End: 9}, {Start: 11, End: 12}, {Start: 13, End: 14}}
	last := []api.Word{{Start: 7, End: 7.75}, {Start: 8, End: 9}, {Start: 21, End: 22}}
	for _, c := range []struct {
		name     string
		segments []api.Segment
		words    [][]int
		timed    []api.Word
		masked   []redact.Span
		want     []engine.Span
	}{
		{"nothing masked", segments, nil, nil, nil, nil},
		{"words timed: up to the words beside", segments, [][]int{{0}, {1, 2, 3, 4}}, beside, masked, []engine.Span{{Start: 7.35, End: 11.4}}},
		{"the last word: up to the end of its segment", segments, [][]int{{}, {0, 1}}, last, masked, []engine.Span{{Start: 7.35, End: 20.4}}},
		{"the only word: the segment", segments, [][]int{{}, {0}}, []api.Word{{Start: 8, End: 9}}, masked, []engine.Span{{Start: 5.6, End: 20.4}}},
		{"no words: the segment", segments, nil, nil, masked, []engine.Span{{Start: 5.6, End: 20.4}}},
		{"words of another segment only: the segment", segments, [][]int{{0}, nil}, beside, masked, []engine.Span{{Start: 5.6, End: 20.4}}},
		{"a segment without a length: everything", []api.Segment{{}}, nil, nil, []redact.Span{{}}, []engine.Span{{End: math.MaxInt32}}},
		{"no segments: everything", nil, nil, nil, []redact.Span{{}}, []engine.Span{{End: math.MaxInt32}}},
	} {
		if got := silences(c.segments, c.words, c.timed, c.masked); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
