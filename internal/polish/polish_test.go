package polish_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/polish"
)

func TestText_writesAsPeopleWrite(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"um so i owe you twenty five dollars and the the rate is five point five percent", "So I owe you $25 and the rate is 5.5%."},
		{"one of them said that on march third twenty twenty six at three thirty p m we met", "One of them said that on March 3, 2026 at 3:30 p.m. we met."},
		{"call me at five five five one two three four five six seven okay", "Call me at 555-123-4567 okay."},
		{"we answer at nine oh eight five five five oh one seven three seven days a week", "We answer at 908-555-0173 seven days a week."},
		{"it costs one point two million dollars or twelve hundred bucks", "It costs $1.2 million or 1,200 bucks."},
		{"do you think we can do it in twenty twenty six", "Do you think we can do it in 2026?"},
		{"I, um, think that, uh. We should. Um, yes we we should", "I think that. We should. Yes we should"},
		{"THIS IS ALL CAPS WITH TWO HUNDRED AND FIVE PEOPLE", "This is all caps with 205 people."},
		{"twenty five thirty five", "Twenty five thirty five."},
		{"Fifty cents. Five dollars and fifty cents, please.", "50 cents. $5.50, please."},
		{"Chapter twenty-five is the twenty first chapter.", "Chapter 25 is the 21st chapter."},
		{"I was I was going to, you know, you know.", "I was going to, you know, you know."},
		{"She said that that was that.", "She said that that was that."},
		{"It is very very good, no no.", "It is very very good, no no."},
		{"The ER is open.", "The ER is open."},
		{"The the end.", "The end."},
		{"A hundred times a day.", "A hundred times a day."},
		{"one two three four five six seven", "One two three four five six seven."},
		{"We had a hundred and fifty people.", "We had 150 people."},
		{"We had a hundred thousand people.", "We had a hundred thousand people."},
		{"It is a dollar fifty a piece.", "It is $1.50 a piece."},
		{"The plan for two thousand twenty six is done.", "The plan for 2026 is done."},
		{"Half a million dollars.", "Half a million dollars."},
		{"He has two and a half years.", "He has two and a half years."},
		{"You may second guess it.", "You may second guess it."},
		{"We march first and talk second.", "We march first and talk second."},
		{"Hello , world ..", "Hello, world."},
		{"Wait... what?", "Wait... what?"},
		{"The card is four one one one, one one one one.", "The card is 4111, 1111."},
		{"It's nine a.m. now.", "It's 9 a.m. now."},
		{"I am in room three oh two.", "I am in room three oh two."},
		{"see you on monday and i'm glad", "See you on Monday and I'm glad."},
		{"Uh.", ""},
		{"", ""},
		{"  \n ", ""},
		{"my email is john dot smith at gmail dot com", "My email is john dot smith at gmail dot com."},
		{"Between two hundred and three hundred people.", "Between 200 and 300 people."},
		{"A quarter of a million dollars.", "A quarter of a million dollars."},
	} {
		if got := polish.Text(c.in); got != c.want {
			t.Errorf("Text(%q):\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// talk returns a result whose words have real times, half a second each.
func talk(texts ...string) *api.Result {
	r := &api.Result{Language: "en"}
	at := 0.0
	for _, text := range texts {
		seg := api.Segment{Start: at, Text: text}
		for _, f := range strings.Fields(text) {
			r.Words = append(r.Words, api.Word{Start: at, End: at + 0.5, Text: f})
			at += 0.5
		}
		seg.End = at
		r.Segments = append(r.Segments, seg)
		at++
	}
	r.Text = r.JoinedText()
	return r
}

func TestApply_keepsWordsInStepWithTheText(t *testing.T) {
	r := talk("um it's twenty five dollars", "uh", "at three thirty p m")
	polish.Apply(r, api.ModePolished)
	var got []string
	for _, w := range r.Words {
		got = append(got, fmt.Sprintf("%s %.1f-%.1f", w.Text, w.Start, w.End))
	}
	want := []string{"It's 0.5-1.0", "$25. 1.0-2.5", "At 5.0-5.5", "3:30 5.5-6.5", "p.m. 6.5-7.5"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := r.Text, "It's $25. At 3:30 p.m."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(r.Segments) != 2 {
		t.Errorf("got %d segments, want 2: one was only a filler", len(r.Segments))
	}
	for i, ws := range r.WordsBySegment() {
		if ws == nil {
			t.Errorf("segment %d %q: got words that are not its text", i, r.Segments[i].Text)
		}
	}
}

func TestApply_leavesWordsThatAreNotTheText(t *testing.T) {
	r := talk("um twenty five dollars")
	r.Segments[0].Text = "Um, $25."
	before := slices.Clone(r.Words)
	polish.Apply(r, "")
	if !slices.Equal(r.Words, before) {
		t.Errorf("got %v, want %v", r.Words, before)
	}
	if r.Segments[0].Text != "$25." {
		t.Errorf("got %q, want %q", r.Segments[0].Text, "$25.")
	}
}

func TestApply_verbatimChangesNothing(t *testing.T) {
	r := talk("um the the  twenty five dollars ,, ")
	want := fmt.Sprintf("%+v", *r)
	polish.Apply(r, api.ModeVerbatim)
	if got := fmt.Sprintf("%+v", *r); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestApply_keepsTheWordsOfOtherLanguages(t *testing.T) {
	r := &api.Result{Language: "de", Segments: []api.Segment{{Text: "um  acht Uhr , er kommt"}}}
	polish.Apply(r, api.ModePolished)
	if got, want := r.Text, "um acht Uhr , er kommt"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestApply_sentencesRunOverSegmentsWithoutAPause(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{
		{Start: 0, End: 2, Text: "we went to the"}, {Start: 2.1, End: 4, Text: "store on friday"}, {Start: 6, End: 7, Text: "it was closed"},
	}}
	polish.Apply(r, api.ModePolished)
	if got, want := r.Text, "We went to the store on Friday. It was closed."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var alphabetic = regexp.MustCompile(`\pL+`)

// checkWords fails when out has a word that in has not.
func checkWords(t *testing.T, in, out string) {
	t.Helper()
	said := map[string]bool{"a": true, "p": true, "m": true, "st": true, "nd": true, "rd": true, "th": true}
	for _, w := range alphabetic.FindAllString(in, -1) {
		said[fold(w)] = true
	}
	for _, w := range alphabetic.FindAllString(out, -1) {
		if !said[fold(w)] {
			t.Errorf("got the word %q in %q, which was not said in %q", w, out, in)
		}
	}
}

// fold makes of w one form for all its cases, also where upper and lower are
// not one to one.
func fold(w string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(unicode.ToLower(r))) }, strings.ToLower(w))
}

func FuzzTextIsIdempotentAndInventsNothing(f *testing.F) {
	raw, err := os.ReadFile("../../testdata/pii/labeled.tsv")
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range strings.Split(string(raw), "\n") {
		f.Add(l)
	}
	for _, s := range []string{"Um, so. Uh", "the the, the", "i was i was i was", "five dollars and and fifty cents", "a.m , p.m ..", "THE ER", "march third twenty", "two, , two", "ǅ ß ſ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := polish.Text(s)
		if again := polish.Text(once); again != once {
			t.Errorf("Text(%q):\nonce  %q\ntwice %q", s, once, again)
		}
		checkWords(t, s, once)
	})
}

func FuzzApplyKeepsWordsInStep(f *testing.F) {
	f.Add("um twenty five dollars|the the end|uh")
	f.Fuzz(func(t *testing.T, s string) {
		r := talk(strings.Split(strings.ToValidUTF8(s, ""), "|")...)
		exact := r.WordsBySegment()
		polish.Apply(r, api.ModePolished)
		if r.Text != r.JoinedText() {
			t.Errorf("got text %q, want the join of the segments", r.Text)
		}
		if slices.ContainsFunc(exact, func(ws []int) bool { return ws == nil }) {
			return
		}
		total := 0
		for _, seg := range r.Segments {
			total += len(strings.Fields(seg.Text))
		}
		if total != len(r.Words) {
			t.Errorf("got %d words for %d fields of %q", len(r.Words), total, r.Text)
		}
	})
}

func BenchmarkApplyToAnHourOfTalk(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := &api.Result{}
		for i := range 900 {
			r.Segments = append(r.Segments, api.Segment{Start: float64(i) * 4, End: float64(i)*4 + 4, Text: "So, um, we owe you twenty five dollars on march third."})
		}
		b.StartTimer()
		polish.Apply(r, api.ModePolished)
	}
}
