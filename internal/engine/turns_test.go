package engine_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

func TestChangesAreWhereAnotherVoiceTakesOver(t *testing.T) {
	for _, c := range []struct {
		name  string
		turns []engine.Turn
		want  []float64
	}{
		{"one voice", []engine.Turn{{0, 5, 0}, {6, 9, 0}}, nil},
		{"two voices with a pause", []engine.Turn{{0, 5, 0}, {6, 9, 1}}, []float64{5.5}},
		{"the second begins before the first ends", []engine.Turn{{0, 5, 0}, {4, 9, 1}}, []float64{4.5}},
		{"a voice within another's turn", []engine.Turn{{0, 10, 0}, {3, 5, 1}, {11, 15, 0}}, nil},
		{"a short remark between two voices", []engine.Turn{{0, 5, 0}, {5, 5.4, 1}, {5.5, 9, 0}}, nil},
		{"out of order", []engine.Turn{{6, 9, 1}, {0, 5, 0}, {10, 12, 0}}, []float64{5.5, 9.5}},
		{"nobody", nil, nil},
	} {
		if got := engine.Changes(c.turns); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSpeakersAreNamedInTheOrderInWhichTheyAreHeard(t *testing.T) {
	turns := []engine.Turn{{0, 4, 7}, {3.5, 8, 2}, {8, 9, 7}, {20, 25, 5}}
	for _, c := range []struct {
		name       string
		start, end float64
		want       string
	}{
		{"within a turn", 1, 2, "Speaker 1"},
		{"mostly in the second of two that overlap", 3, 6, "Speaker 2"},
		{"in turns of the first that are longer together", 0, 9, "Speaker 1"},
		{"just after a turn", 9.2, 9.9, "Speaker 1"},
		{"just before one", 19.1, 19.9, "Speaker 3"},
		{"far from any", 12, 13, ""},
	} {
		r := &api.Result{Segments: []api.Segment{{Start: c.start, End: c.end, Text: "word"}}}
		engine.NameSpeakers(r, turns)
		if got := r.Segments[0].Speaker; got != c.want || len(r.Segments) != 1 {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestASegmentWithTimedWordsIsCutWhereTheVoiceChanges(t *testing.T) {
	r := &api.Result{
		Segments: []api.Segment{{Start: 0, End: 6, Text: "Are you there? Yes, I am. Good."}, {Start: 7, End: 8, Text: "Untimed words."}},
		Words: []api.Word{{Start: 0.1, End: 0.5, Text: "Are"}, {Start: 0.5, End: 1, Text: "you"}, {Start: 1, End: 1.9, Text: "there?"},
			{Start: 2.1, End: 3, Text: "Yes,"}, {Start: 3, End: 3.4, Text: "I"}, {Start: 3.4, End: 3.9, Text: "am."}, {Start: 4.2, End: 5, Text: "Good."}},
	}
	engine.NameSpeakers(r, []engine.Turn{{0, 2, 0}, {2, 4, 1}, {4.1, 6, 0}, {7, 8, 1}})
	got, err := json.Marshal(r.Segments)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"start":0,"end":1.9,"speaker":"Speaker 1","text":"Are you there?"},{"start":2.1,"end":3.9,"speaker":"Speaker 2","text":"Yes, I am."},` +
		`{"start":4.2,"end":6,"speaker":"Speaker 1","text":"Good."},{"start":7,"end":8,"speaker":"Speaker 2","text":"Untimed words."}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r.Words[3].Speaker != "Speaker 2" || r.Words[6].Speaker != "Speaker 1" || r.WordsBySegment()[1] == nil {
		t.Errorf("got words %+v, want each with its speaker, and in its segment", r.Words)
	}
	if r.Text != "Are you there? Yes, I am. Good. Untimed words." {
		t.Errorf("got text %q, want all of it", r.Text)
	}
}

func FuzzNameSpeakersKeepsTheText(f *testing.F) {
	f.Add(0.0, 4.0, 2.0, 6.0, 0, 1)
	f.Add(math.Inf(1), math.NaN(), -1.0, 1e300, 3, 3)
	f.Fuzz(func(t *testing.T, a, b, c, d float64, x, y int) {
		r := &api.Result{Segments: []api.Segment{{Start: 0, End: 5, Text: "one two"}},
			Words: []api.Word{{Start: 0, End: 2, Text: "one"}, {Start: 2, End: 5, Text: "two"}}}
		turns := []engine.Turn{{a, b, x}, {c, d, y}}
		engine.Changes(turns)
		engine.NameSpeakers(r, turns)
		if r.Text != "one two" || len(r.Words) != 2 {
			t.Errorf("got %+v, want every word kept", r)
		}
	})
}
