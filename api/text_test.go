package api_test

import (
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestJoinedTextLeavesEmptySegmentsOut(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{{Text: " Hello. "}, {Text: ""}, {Text: "There"}}}
	if got, want := r.JoinedText(), "Hello. There"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWordsBySegmentMatchesOnlyExactly(t *testing.T) {
	r := &api.Result{
		Segments: []api.Segment{
			{Start: 0, End: 1, Speaker: "A", Text: "Hello there."},
			{Start: 0.5, End: 1.5, Speaker: "B", Text: "Yes"},
			{Start: 2, End: 3, Speaker: "A", Text: "It is $25"},
			{Start: 4, End: 5, Speaker: "A", Text: ""},
		},
		Words: []api.Word{
			{Start: 0, End: 0.4, Text: "hello", Speaker: "A"}, {Start: 0.5, End: 1, Text: "yes", Speaker: "B"},
			{Start: 0.6, End: 1, Text: "there", Speaker: "A"}, {Start: 2, End: 2.2, Text: "it", Speaker: "A"},
			{Start: 2.2, End: 2.4, Text: "is", Speaker: "A"}, {Start: 2.4, End: 3, Text: "twenty", Speaker: "A"},
		},
	}
	got := r.WordsBySegment()
	for i, want := range [][]int{{0, 2}, {1}, nil, nil} {
		if !slices.Equal(got[i], want) {
			t.Errorf("segment %d: got words %v, want %v", i, got[i], want)
		}
	}
	if got := (&api.Result{Segments: r.Segments}).WordsBySegment(); got != nil {
		t.Errorf("got %v without words, want nil", got)
	}
}
