package redact_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/redact"
)

func TestApply_masksEveryLabeledSpan(t *testing.T) {
	for _, l := range readLabeled(t) {
		var secrets []string
		for _, g := range l.gold {
			for s, p := range g.parts {
				secrets = append(secrets, l.result.Segments[s].Text[p[0]:p[1]])
			}
		}
		before := redact.Find(l.result)
		redact.Apply(l.result)
		checkClean(t, l.result)
		if len(before) == 0 {
			continue
		}
		all, err := json.Marshal(l.result)
		if err != nil {
			t.Fatalf("line %d: %v", l.line, err)
		}
		for _, s := range secrets {
			if len(s) > 8 && strings.Contains(string(all), s) && !strings.Contains(s, "okay") {
				t.Errorf("line %d: got %s, want no %q in it", l.line, all, s)
			}
		}
	}
}

// checkClean holds r to what Apply promises.
func checkClean(t *testing.T, r *api.Result) {
	t.Helper()
	if found := redact.Find(r); len(found) > 0 {
		t.Errorf("got %d findings after Apply in %+v, want none", len(found), r.Segments)
	}
	if again, n := redact.Text(r.Text); again != r.Text {
		t.Errorf("got %v in the text %q after Apply, want none", n, r.Text)
	}
	if len(r.Segments) > 0 && r.Text != r.JoinedText() {
		t.Errorf("got text %q, want the join of the segments %q", r.Text, r.JoinedText())
	}
	words := make([]api.Segment, len(r.Words))
	for i, w := range r.Words {
		words[i] = api.Segment{Text: w.Text, Speaker: w.Speaker, Start: w.Start, End: w.End}
	}
	if found := redact.Find(&api.Result{Segments: words}); len(found) > 0 {
		t.Errorf("got %d findings in the words %+v after Apply, want none", len(found), words)
	}
}

func TestApply_countsByKind(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{
		{End: 5, Text: "call 212-555-0187 or 617-555-0123, or write to bob@example.com"},
		{Start: 5, End: 9, Text: "my card is 4111 1111"}, {Start: 9, End: 12, Text: "1111 1111"},
	}}
	redact.Apply(r)
	want := map[string]int{"phone_number": 2, "email_address": 1, "card_number": 1}
	if !maps.Equal(r.Redactions, want) {
		t.Errorf("got %v, want %v", r.Redactions, want)
	}
	if got, want := r.Text, "call [PHONE_NUMBER] or [PHONE_NUMBER], or write to [EMAIL_ADDRESS] my card is [CARD_NUMBER] [CARD_NUMBER]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestApply_nothingFound(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{{Text: "hello there"}}}
	if spans := redact.Apply(r); len(spans) != 0 || r.Redactions == nil || len(r.Redactions) != 0 {
		t.Errorf("got spans %v and redactions %v, want none and an empty map", spans, r.Redactions)
	}
}

func TestApply_textWithoutSegments(t *testing.T) {
	r := &api.Result{DurationSeconds: 9, Text: "write to bob@example.com please"}
	spans := redact.Apply(r)
	if r.Text != "write to [EMAIL_ADDRESS] please" || len(r.Segments) != 0 || len(spans) != 1 {
		t.Errorf("got %q, %d segments, spans %v", r.Text, len(r.Segments), spans)
	}
}

// spoken returns a result of one segment whose words have real times, half a
// second each.
func spokenResult(text string) *api.Result {
	fields := strings.Fields(text)
	r := &api.Result{Segments: []api.Segment{{End: float64(len(fields)) / 2, Text: text}}}
	for i, f := range fields {
		r.Words = append(r.Words, api.Word{Start: float64(i) / 2, End: float64(i+1) / 2, Text: strings.Trim(f, ".,")})
	}
	return r
}

func TestApply_mergesMaskedWords(t *testing.T) {
	r := spokenResult("My social is one two three, four five, six seven eight nine. Right?")
	spans := redact.Apply(r)
	var got []string
	for _, w := range r.Words {
		got = append(got, fmt.Sprintf("%s %.1f-%.1f", w.Text, w.Start, w.End))
	}
	want := []string{"My 0.0-0.5", "social 0.5-1.0", "is 1.0-1.5", "[SSN]. 1.5-6.0", "Right? 6.0-6.5"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(spans) != 1 || math.Abs(spans[0].Start-1.45) > 1e-9 || math.Abs(spans[0].End-6.05) > 1e-9 {
		t.Errorf("got spans %v, want 1.45 to 6.05", spans)
	}
	checkClean(t, r)
}

func TestApply_wordsThatDifferFromTheText(t *testing.T) {
	r := spokenResult("my social is one two three four five six seven eight nine")
	r.Segments[0].Text = "My social is 123-45-6789."
	redact.Apply(r)
	for _, w := range r.Words {
		if slices.Contains([]string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}, w.Text) {
			t.Errorf("got word %q, want it masked", w.Text)
		}
	}
	checkClean(t, r)
}

func TestApply_estimatedTimesCoverTheNumber(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{{Start: 10, End: 20, Text: "so I wanted to say that you can reach me at 212-555-0187"}}}
	spans := redact.Apply(r)
	if len(spans) != 1 || spans[0].Start < 10 || spans[0].Start > 15 || spans[0].End != 20 {
		t.Errorf("got %v, want one span from before 15 to 20", spans)
	}
}

func TestApply_masksTheAnalysis(t *testing.T) {
	r := &api.Result{AIAnalysis: &api.Analysis{
		Answer:      "Write to bob@example.com.",
		ActionItems: []api.ActionItem{{Text: "I will call 212-555-0187."}},
		Sentiment:   &api.Sentiment{Highest: &api.Quote{Text: "bob@example.com is great"}},
	}}
	redact.Apply(r)
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"bob@", "0187"} {
		if strings.Contains(string(got), s) {
			t.Errorf("got %s, want no %q", got, s)
		}
	}
}

func TestFind_numbersEndAfterALongTurn(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{
		{Speaker: "B", Text: "my phone has four one one one one one one one"},
		{Speaker: "A", Text: strings.Repeat("let me tell you about our plans ", 6)},
		{Speaker: "B", Text: "one one one one one one one one"},
	}}
	for _, f := range redact.Find(r) {
		if f.Kind == redact.CardNumber {
			t.Errorf("got a card over a long turn of another speaker, want none")
		}
	}
}

func FuzzApplyLeavesNothingToFind(f *testing.F) {
	for _, l := range readLabeled(f) {
		var texts, speakers []string
		for _, s := range l.result.Segments {
			texts, speakers = append(texts, s.Text), append(speakers, s.Speaker)
		}
		f.Add(strings.Join(texts, "|"), strings.Join(speakers, ""))
	}
	f.Add("[CARD_NUMBER][SSN] double [PHONE_NUMBER]555-1234", "AB")
	f.Add("four-one-one-one-one-one-one-one one|one\xff (555)-((12", "")
	f.Fuzz(func(t *testing.T, text, speakers string) {
		r := &api.Result{}
		for i, s := range strings.Split(text, "|") {
			seg := api.Segment{Start: float64(i), End: float64(i + 1), Text: s}
			if i < len(speakers) {
				seg.Speaker = speakers[i : i+1]
			}
			r.Segments = append(r.Segments, seg)
			for k, w := range strings.Fields(s) {
				if k%7 == 6 {
					continue // words that do not match their segment
				}
				r.Words = append(r.Words, api.Word{Start: float64(i), End: float64(i) + 0.5, Text: w, Speaker: seg.Speaker})
			}
		}
		spans := redact.Apply(r)
		checkClean(t, r)
		for i, s := range spans {
			if !(s.Start <= s.End) || s.Start < 0 || (i > 0 && s.Start <= spans[i-1].End) {
				t.Errorf("got spans %v, want them in order and apart", spans)
			}
		}
	})
}

func BenchmarkFindInAnHourOfTalk(b *testing.B) {
	r := &api.Result{}
	for i := range 900 { // ten words each
		r.Segments = append(r.Segments, api.Segment{Start: float64(i) * 4, End: float64(i)*4 + 4, Speaker: string(rune('A' + i%2)), Text: "so we are going to have two of them on monday"})
	}
	for b.Loop() {
		redact.Find(r)
	}
}
