package analysis_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/analysis"
	"github.com/voxparse/voxparse/internal/redact"
)

// call is a support call of two speakers.
func call() *api.Result {
	r := &api.Result{JobID: "job_x", Language: "en", DurationSeconds: 60}
	at := 0.0
	for _, l := range []struct{ who, text string }{
		{"A", "Thank you for calling Northwind, how can I help you today?"},
		{"B", "Hi, I'm really angry, my refund for the broken washing machine is terribly late."},
		{"A", "I'm sorry about that. Which order is the refund for?"},
		{"B", "The washing machine I bought on March third twenty twenty six for twelve hundred dollars."},
		{"A", "I see the washing machine, and the refund of $1,200 was delayed by the bank."},
		{"B", "Your rate went up by five point five percent and now the refund is late too."},
		{"A", "I'll send you a confirmation email for the refund by Friday."},
		{"B", "Can you please cancel the maintenance plan?"},
		{"A", "Sure. What is the card number?"},
		{"B", "It's four one one one one one one one"},
		{"A", "Mm-hmm."},
		{"B", "one one one one one one one one, CVV one two three."},
		{"A", "Thank you, that's great, your refund is wonderful news."},
	} {
		length := float64(len(l.text)) / 15
		r.Segments = append(r.Segments, api.Segment{Start: at, End: at + length, Speaker: l.who, Text: l.text})
		at += length + 0.2
	}
	r.Segments[10].Start, r.Segments[10].End = r.Segments[9].End-0.5, r.Segments[9].End // listening aloud
	r.Segments[6].Start = r.Segments[5].End - 1                                         // an interruption
	r.Text = r.JoinedText()
	return r
}

func TestBuiltin_findsWhatACallHolds(t *testing.T) {
	a := analysis.Builtin(call())
	check := func(what string, got, want any) {
		t.Helper()
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			t.Errorf("%s: got %s, want %s", what, g, w)
		}
	}
	check("method", a.Method, api.MethodBuiltin)
	if len(a.Summary) == 0 || !strings.Contains(fmt.Sprint(a.Summary), "refund") {
		t.Errorf("got summary %v, want the refund in it", a.Summary)
	}
	var labels []string
	for _, tp := range a.Topics {
		labels = append(labels, tp.Label)
	}
	if !slices.Contains(labels, "refund") || !slices.Contains(labels, "washing machine") {
		t.Errorf("got topics %q, want refund and washing machine among them", labels)
	}
	var items, owners, dues []string
	for _, it := range a.ActionItems {
		items, owners, dues = append(items, fmt.Sprint(it.Segment)), append(owners, it.Owner), append(dues, it.Due)
	}
	check("action items", items, []string{"6", "7"})
	check("owners", owners, []string{"A", ""})
	check("due", dues[:1], []string{"by friday"})
	var asked []int
	for _, q := range a.Questions {
		asked = append(asked, q.Segment)
	}
	check("questions", asked, []int{0, 2, 7, 8})
	var money []string
	for _, m := range a.Financial {
		money = append(money, fmt.Sprintf("%d %s=%s", m.Segment, m.Said, m.Normalized))
	}
	check("financial", strings.Join(money, "; "), "3 March third twenty twenty six=2026-03-03; 3 twelve hundred dollars=1200.00 USD; 4 $1,200=1200.00 USD; 5 five point five percent=5.5%")
	var kinds []string
	for _, c := range a.Compliance {
		kinds = append(kinds, fmt.Sprintf("%d %s %v", c.Segment, c.Kind, c.Redacted))
	}
	check("compliance", kinds, []string{"9 card_number false", "11 card_security_code false"})
	if s := a.Sentiment; s == nil || len(s.BySpeaker) != 2 || s.BySpeaker[1].Label != api.SentimentNegative || s.BySpeaker[0].Score <= s.BySpeaker[1].Score || s.Lowest.Segment != 1 {
		t.Errorf("got sentiment %+v, want B negative, A above B, and segment 1 the worst", s)
	}
	if len(a.TalkRatio) != 2 || math.Abs(a.TalkRatio[0].Ratio+a.TalkRatio[1].Ratio-1) > 0.002 {
		t.Errorf("got talk ratio %+v, want two that make one", a.TalkRatio)
	}
	if len(a.Interruptions) != 1 || a.Interruptions[0].Segment != 6 || a.Interruptions[0].Interrupted != "B" {
		t.Errorf("got interruptions %+v, want one, by A in segment 6", a.Interruptions)
	}
}

func TestCompliance_neverHoldsTheNumberAndKnowsMasks(t *testing.T) {
	r := call()
	redact.Apply(r)
	a := analysis.Analyze(t.Context(), r, analysis.Options{})
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "four one one") || strings.Contains(string(raw), "one two three") {
		t.Errorf("got %s, want no number in it", raw)
	}
	var kinds []string
	for _, c := range a.Compliance {
		kinds = append(kinds, fmt.Sprintf("%d %s %v", c.Segment, c.Kind, c.Redacted))
	}
	if want := []string{"9 card_number true", "11 card_security_code true"}; !slices.Equal(kinds, want) {
		t.Errorf("got %q, want %q", kinds, want)
	}
}

func TestActionItems_areWhatSomebodyWillDo(t *testing.T) {
	for text, want := range map[string]bool{
		"I'll get back to you tomorrow.":            true,
		"Sarah will send the deck next week.":       true,
		"They're going to ship it on Monday.":       true,
		"Let's schedule a meeting for Monday.":      true,
		"Don't forget to sign the form.":            true,
		"We need to fix the printer.":               true,
		"I will not cancel the plan.":               false,
		"The price will change next week.":          false,
		"This will open the door for you.":          false,
		"If Sarah will send it we are fine.":        false,
		"Let's talk about the plan.":                false,
		"You should receive an e-mail shortly.":     false,
		"Can you hear me when I call the office?":   false,
		"I told him that they will call on Monday.": false,
	} {
		a := analysis.Builtin(&api.Result{Segments: []api.Segment{{End: 3, Text: text}}})
		if got := len(a.ActionItems) == 1; got != want {
			t.Errorf("%q: got %v, want an action item: %v", text, a.ActionItems, want)
		}
	}
}

func TestCompliance_repeatedNumberIsOneConcern(t *testing.T) {
	r := &api.Result{Language: "en"}
	for i, l := range []struct{ who, text string }{
		{"A", "the card number please"},
		{"B", "four two four two"}, {"A", "okay four two four two"},
		{"B", "four two four two"}, {"A", "yes"},
		{"B", "four two four two"}, {"A", "go on"},
		{"B", "four two four two"}, {"A", "thank you"},
	} {
		r.Segments = append(r.Segments, api.Segment{Start: float64(i), End: float64(i + 1), Speaker: l.who, Text: l.text})
	}
	redact.Apply(r)
	if strings.Contains(fmt.Sprint(r.Segments), "four") || r.Redactions["card_number"] != 1 {
		t.Errorf("got %v, %v, want one number masked, with what was repeated of it", r.Segments, r.Redactions)
	}
	got := analysis.Builtin(r).Compliance
	if len(got) != 1 || got[0].Segment != 1 || got[0].Start != 1 || got[0].End != 8 {
		t.Errorf("got %+v, want one concern from 1 to 8 s", got)
	}
}

func TestAnalyze_dependsOnThePlan(t *testing.T) {
	if got := analysis.Analyze(t.Context(), call(), analysis.Options{Plan: api.PlanLite}); got != nil {
		t.Errorf("got %+v on plan lite, want nil", got)
	}
	got := analysis.Analyze(t.Context(), call(), analysis.Options{Plan: "pro", Instructions: "what was promised?"})
	if got == nil || !strings.Contains(got.Note, "[analysis] endpoint") {
		t.Errorf("got %+v, want a note that instructions need an endpoint", got)
	}
}

func TestBuiltin_saysWhatItCannotDoInOtherLanguages(t *testing.T) {
	r := &api.Result{Language: "de", Segments: []api.Segment{{End: 3, Text: "Guten Tag, meine Karte ist 4111 1111 1111 1111."}}}
	a := analysis.Builtin(r)
	if a.Sentiment != nil || !strings.Contains(a.Note, "English") || len(a.Compliance) != 1 {
		t.Errorf("got %+v, want no sentiment, a note, and the card", a)
	}
}

// checkSane holds a to what every analysis promises.
func checkSane(t *testing.T, r *api.Result, a *api.Analysis) []byte {
	t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatalf("encode the analysis: %v", err)
	}
	var any struct {
		Summary, Topics, ActionItems, Questions, Financial, Compliance []struct {
			Segment int     `json:"segment"`
			Start   float64 `json:"start"`
		}
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), "action_items", "ActionItems")), &any); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]struct {
		Segment int     `json:"segment"`
		Start   float64 `json:"start"`
	}{any.Summary, any.Topics, any.ActionItems, any.Questions, any.Financial, any.Compliance} {
		if list == nil {
			t.Errorf("got null for a list in %s", raw)
		}
		for _, it := range list {
			if it.Segment < 0 || it.Segment >= len(r.Segments) {
				t.Errorf("got segment %d of %d", it.Segment, len(r.Segments))
			}
		}
	}
	if strings.Contains(string(raw), ":-0,") {
		t.Errorf("got minus zero in %s", raw)
	}
	return raw
}

func TestBuiltin_oddResults(t *testing.T) {
	nan := math.NaN()
	for name, r := range map[string]*api.Result{
		"empty":          {},
		"blank segments": {Segments: []api.Segment{{Text: ""}, {Text: " . "}}},
		"one word":       {Segments: []api.Segment{{Text: "Hello"}}},
		"no times":       {Segments: []api.Segment{{Text: "I'll send you twenty five dollars by Friday.", Speaker: "1"}, {Text: "Will you do it for me?", Speaker: "0"}}},
		"not a number":   {Segments: []api.Segment{{Start: nan, End: math.Inf(1), Speaker: "A", Text: "My card is 4111 1111 1111 1111, will you take it?"}, {Start: 3, End: nan, Speaker: "B", Text: "I will call you tomorrow."}}},
		"backwards":      {Segments: []api.Segment{{Start: 9, End: 3, Speaker: "A", Text: "We owe you five dollars."}}},
		"bad UTF-8":      {Segments: []api.Segment{{End: 1, Text: "I'll send \xff\xfe the report on Monday."}}},
		"long":           {Segments: []api.Segment{{End: 9, Text: strings.Repeat("please send the five dollars to the refund office ", 400)}}},
	} {
		t.Run(name, func(t *testing.T) { checkSane(t, r, analysis.Builtin(r)) })
	}
}

func TestBuiltin_isDeterministic(t *testing.T) {
	want := checkSane(t, call(), analysis.Builtin(call()))
	for range 20 {
		if got := checkSane(t, call(), analysis.Builtin(call())); string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestBuiltin_fitsIntoAWebhook(t *testing.T) {
	raw := checkSane(t, hour(), analysis.Builtin(hour()))
	if len(raw) > 64<<10 {
		t.Errorf("got %d bytes for an hour, want at most 64 KiB", len(raw))
	}
	t.Logf("an hour's analysis is %d bytes", len(raw))
}

func FuzzBuiltin(f *testing.F) {
	files, err := filepath.Glob("../../testdata/pii/*.tsv")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i, l := range strings.Split(string(raw), "\n") {
			if i%10 == 0 {
				f.Add(l, uint8(i))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string, mix uint8) {
		r := &api.Result{}
		for i, s := range strings.Split(text, "|") {
			seg := api.Segment{Start: float64(i), End: float64(i) + float64(mix%5)/2, Text: s}
			if mix%2 == 0 {
				seg.Speaker = string(rune('A' + i%3))
			}
			r.Segments = append(r.Segments, seg)
		}
		checkSane(t, r, analysis.Builtin(r))
	})
}

// hour is an hour of talk: 9,000 words, varied by a fixed rule.
func hour() *api.Result {
	nouns := strings.Fields("refund invoice contract meeting schedule budget report customer shipment account product feature release server database invoice discount warranty manager supplier")
	verbs := strings.Fields("send check review update cancel schedule confirm prepare")
	r := &api.Result{Language: "en", DurationSeconds: 3600}
	words := 0
	for i := 0; words < 9000; i++ {
		n, m, v := nouns[i*7%len(nouns)], nouns[(i*11+3)%len(nouns)], verbs[i*5%len(verbs)]
		text := fmt.Sprintf("We talked about the %s and the %s last week. I'll %s the %s by Friday, and it costs %d dollars. Could you %s the %s of the %s for me?", n, m, v, n, 100+i, v, m, n)
		words += len(strings.Fields(text))
		r.Segments = append(r.Segments, api.Segment{Start: float64(i) * 12, End: float64(i)*12 + 12.5, Speaker: string(rune('A' + i%2)), Text: text})
	}
	r.Text = r.JoinedText()
	return r
}

func BenchmarkBuiltinForAnHourOfTalk(b *testing.B) {
	r := hour()
	analysis.Builtin(r) // the lexicon is read once
	for b.Loop() {
		analysis.Builtin(r)
	}
}
