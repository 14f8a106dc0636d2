package transcript

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode"

	"github.com/voxparse/voxparse/api"
)

// shown is a cue as a player reads it.
type shown struct {
	start, end int64
	lines      []string
}

// parse reads SRT (point ',') or WebVTT (point '.') strictly.
func parse(text string, point byte) ([]shown, error) {
	var all []shown
	blocks := strings.Split(strings.TrimSuffix(text, "\n"), "\n\n")
	if point == '.' {
		if blocks[0] != "WEBVTT" {
			return nil, fmt.Errorf("no header: %q", blocks[0])
		}
		blocks = blocks[1:]
	} else if text == "" {
		return nil, nil
	}
	for i, block := range blocks {
		lines := strings.Split(block, "\n")
		if point == ',' {
			if lines[0] != fmt.Sprint(i+1) {
				return nil, fmt.Errorf("cue %d has the number %q", i+1, lines[0])
			}
			lines = lines[1:]
		}
		var t [8]int64
		if _, err := fmt.Sscanf(strings.ReplaceAll(lines[0], string(point), ":"), "%d:%d:%d:%d --> %d:%d:%d:%d",
			&t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]); err != nil {
			return nil, fmt.Errorf("cue %d has the times %q: %w", i+1, lines[0], err)
		}
		at := func(t []int64) int64 { return ((t[0]*60+t[1])*60+t[2])*1000 + t[3] }
		all = append(all, shown{at(t[:4]), at(t[4:]), lines[1:]})
	}
	return all, nil
}

// obey reports every rule of subtitles that is broken.
func obey(t *testing.T, all []shown, unescape func(string) string) {
	t.Helper()
	var free int64
	for i, c := range all {
		if c.start < free {
			t.Errorf("cue %d starts at %d, before the last one ended at %d", i+1, c.start, free)
		}
		if d := c.end - c.start; d < minShown || d > maxShown {
			t.Errorf("cue %d is shown %d ms, want %d to %d", i+1, d, minShown, maxShown)
		}
		if len(c.lines) < 1 || len(c.lines) > maxLines {
			t.Errorf("cue %d has %d lines, want 1 or %d: %q", i+1, len(c.lines), maxLines, c.lines)
		}
		for _, l := range c.lines {
			if l == "" || strings.Contains(l, "-->") {
				t.Errorf("cue %d has a line that breaks the file: %q", i+1, l)
			}
			if w := width(unescape(l)); w > lineWidth {
				t.Errorf("cue %d has a line of %d columns, want at most %d: %q", i+1, w, lineWidth, l)
			}
		}
		free = c.end
	}
}

func same(s string) string { return s }

var vttPlain = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// read writes r as SRT and WebVTT, checks both and returns the cues.
func read(t *testing.T, r *api.Result) []shown {
	t.Helper()
	var srt, vtt bytes.Buffer
	if err := Write(&srt, "srt", r); err != nil {
		t.Fatal(err)
	}
	if err := Write(&vtt, "vtt", r); err != nil {
		t.Fatal(err)
	}
	a, err := parse(srt.String(), ',')
	if err != nil {
		t.Fatalf("read SRT: %v\n%s", err, srt.String())
	}
	b, err := parse(vtt.String(), '.')
	if err != nil {
		t.Fatalf("read WebVTT: %v\n%s", err, vtt.String())
	}
	obey(t, a, same)
	obey(t, b, vttPlain.Replace)
	if len(a) != len(b) {
		t.Errorf("cues: got %d in SRT and %d in WebVTT, want the same", len(a), len(b))
	}
	return b
}

func TestSubtitlesObeyTheRules(t *testing.T) {
	for _, name := range results(t) {
		read(t, load(t, name))
	}
}

func text(all []shown) string {
	var b strings.Builder
	for _, c := range all {
		b.WriteString(strings.Join(c.lines, " ") + " / ")
	}
	return strings.TrimSuffix(b.String(), " / ")
}

func TestSubtitlesBreakWhereTheTextDoes(t *testing.T) {
	for _, c := range []struct {
		name, text string
		seconds    float64
		want       string
	}{
		{"short", "Good morning.", 2, "Good morning."},
		{"sentences", "I bought it on Monday in the shop. It never worked, not for a single day. I want my money back.", 10,
			"I bought it on Monday in the shop. / It never worked, not for a single day. I want my money back."},
		{"clauses", "When we came back to the house in the evening, the door that leads to the garden stood open.", 8,
			"When we came back to the house in the evening, / the door that leads to the garden stood open."},
		{"abbreviation", "The letter that came yesterday was for old Mr. Henry Dashwood, who lives at Norland Park.", 8,
			"The letter that came yesterday was for old Mr. Henry Dashwood, / who lives at Norland Park."},
		{"no spaces", "今日はとても天気がいいので、公園まで散歩に行きましょう。そのあとで昼ごはんを食べて、家に帰ります。", 12,
			"今日はとても天気がいいので、 公園まで散歩に行きましょう。 / そのあとで昼ごはんを食べて、家に帰ります。"},
		{"slow", "Well nobody knows", 20, "Well / nobody / knows"},
	} {
		r := &api.Result{Segments: []api.Segment{{Start: 1, End: 1 + c.seconds, Text: c.text}}}
		if got := text(read(t, r)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLinesAreBalanced(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{{End: 5, Text: "The family of Dashwood had long been settled in Sussex."}}}
	got := read(t, r)
	want := []string{"The family of Dashwood", "had long been settled in Sussex."}
	if len(got) != 1 || strings.Join(got[0].lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %v, want %q", got, want)
	}
}

func TestShortCuesStayWhereThereIsTime(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{
		{Start: 1, End: 1.2, Text: "Yes."},
		{Start: 10, End: 11, Text: "That took much longer than anybody thought."},
		{Start: 20, End: 20.3, Text: "No."}, {Start: 20.9, End: 22, Text: "Never."},
	}}
	got := read(t, r)
	want := [][2]int64{{1000, 2000}, {10000, 12529}, {20000, 21000}, {21000, 22000}}
	for i, c := range got {
		if i >= len(want) || c.start != want[i][0] || c.end != want[i][1] {
			t.Errorf("cue %d: got %d to %d, want %v", i+1, c.start, c.end, want)
		}
	}
}

func TestWordTimesAreUsed(t *testing.T) {
	r := &api.Result{
		Segments: []api.Segment{{Start: 0, End: 20, Text: "Please wait. I am looking it up for you now, it takes a moment. Thank you, here it is."}},
		Words: []api.Word{{Start: 0.5, End: 1, Text: "please"}, {Start: 1, End: 1.5, Text: "wait"}, {Start: 3, End: 3.2, Text: "I"},
			{Start: 3.2, End: 3.5, Text: "am"}, {Start: 3.5, End: 4, Text: "looking"}, {Start: 6.6, End: 7, Text: "moment"},
			{Start: 18, End: 18.4, Text: "thank"}, {Start: 18.4, End: 18.6, Text: "you"}, {Start: 19, End: 19.5, Text: "is"}},
	}
	got := read(t, r)
	want := []shown{
		{500, 1500, []string{"Please wait."}},
		{3000, 7000, []string{"I am looking it up for you now,", "it takes a moment."}},
		{18000, 19500, []string{"Thank you, here it is."}},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i].start != want[i].start || strings.Join(got[i].lines, "|") != strings.Join(want[i].lines, "|") {
			t.Errorf("cue %d: got %v, want %v", i+1, got[i], want[i])
		}
	}
}

func TestSpeakersWhoTalkAtOnce(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{
		{Start: 0, End: 12, Speaker: "Agent", Text: "So the way that this works is that you send the old one back to us first. Then we look at it, and after that you get a new one."},
		{Start: 3, End: 3.4, Speaker: "Caller", Text: "Okay."},
		{Start: 13, End: 15, Speaker: "Caller", Text: "And who pays for that?"},
	}}
	for i, c := range read(t, r) {
		named := strings.HasPrefix(c.lines[0], "Agent: ") || strings.HasPrefix(c.lines[0], "Caller: ")
		if c.start < 12_000 && !named {
			t.Errorf("cue %d: got %q, want the speaker's name while two speak", i+1, c.lines)
		}
	}
}

func TestSpeakerIsNamedAgainAfterAnotherOnScreen(t *testing.T) {
	r := load(t, "call")
	for _, c := range read(t, r) {
		if strings.Contains(strings.Join(c.lines, " "), "Do you still have") && !strings.HasPrefix(c.lines[0], "Agent: ") {
			t.Errorf("got %q, want the speaker's name first: the cue before is another's", c.lines)
		}
	}
}

func TestLongSpeakerNamesAreCut(t *testing.T) {
	r := &api.Result{Segments: []api.Segment{{End: 3, Speaker: strings.Repeat("Long name ", 9), Text: strings.Repeat("x", 80)}}}
	if got := read(t, r); !strings.HasPrefix(got[0].lines[0], "Long name Long name …:") {
		t.Errorf("got %q, want a short name first", got[0].lines)
	}
}

func TestTextWithoutWidthTakesNoTime(t *testing.T) {
	for _, word := range []string{"\u200b", "\u0301"} {
		r := &api.Result{Segments: []api.Segment{{End: 100, Text: strings.Repeat(word+" ", 4_000)}}}
		if got := read(t, r); len(got) == 0 {
			t.Errorf("%q: got no cue, want some", word)
		}
	}
}

func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if isBlank(r) {
			return -1
		}
		return r
	}, s)
}

func FuzzSubtitles(f *testing.F) {
	f.Add("Hello there. How are you?", "", 0.0, 2.0, "Fine -->", "", 1.0, 1.5)
	f.Add("A & B <i>x</i>\n\n2\n00:00:01,000 --> 00:00:02,000\nfake", "S1", 5.0, 4.0, "yes", "S2", 4.9, 100.0)
	f.Add(strings.Repeat("long ", 100), "A\nB", -1.0, 1e300, strings.Repeat("長い文章。", 40), "A\nB", 3.0, 9.0)
	f.Add(strings.Repeat("x", 300), "Name", 3599.9996, 3600.0, "\u200b \u0301\u0301 \ufeff", "\xff", math.Inf(1), math.NaN())
	f.Fuzz(func(t *testing.T, t1, s1 string, a1, b1 float64, t2, s2 string, a2, b2 float64) {
		r := &api.Result{Segments: []api.Segment{
			{Start: a1, End: b1, Speaker: s1, Text: t1}, {Start: a2, End: b2, Speaker: s2, Text: t2}, {Start: b1, End: b2, Speaker: s1, Text: t2},
		}}
		got := read(t, r)
		if clean(s1) != "" || clean(s2) != "" || a1 >= a2 || a2 >= b1 {
			return
		}
		var b strings.Builder
		for _, c := range got {
			b.WriteString(strings.Join(c.lines, ""))
		}
		want := bare(strings.ToValidUTF8(t1, "\uFFFD") + strings.ToValidUTF8(t2, "\uFFFD") + strings.ToValidUTF8(t2, "\uFFFD"))
		if a1 >= 0 && b1 > a2 && bare(vttPlain.Replace(b.String())) != want && !math.IsInf(b1, 0) && segmentsInOrder(r) {
			t.Errorf("text: got %q, want %q", bare(vttPlain.Replace(b.String())), want)
		}
	})
}

// segmentsInOrder reports whether no two segments share time, so that the text
// of the cues is that of the segments in order.
func segmentsInOrder(r *api.Result) bool {
	for i := 1; i < len(r.Segments); i++ {
		if millis(r.Segments[i].Start) < max(millis(r.Segments[i-1].End), millis(r.Segments[i-1].Start)+1) {
			return false
		}
	}
	return true
}

func FuzzFormats(f *testing.F) {
	f.Add("text", "speaker", 1.0, 2.0)
	f.Add("tab\tnew\nline\\", "a\tb", 1.0, 2.0)
	f.Add("# head * _x_ [a](b) 1. <b>", "- x", 0.0, 0.0)
	f.Fuzz(func(t *testing.T, text, speaker string, start, end float64) {
		r := &api.Result{Segments: []api.Segment{{Start: start, End: end, Speaker: speaker, Text: text}, {Start: end, End: end, Text: text}}}
		for _, format := range []string{"txt", "tsv", "md"} {
			var b bytes.Buffer
			if err := Write(&b, format, r); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			if format != "tsv" {
				continue
			}
			for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
				if n := strings.Count(line, "\t"); n != 3 {
					t.Errorf("line %d has %d tabs, want 3: %q", i+1, n, line)
				}
			}
		}
	})
}

func FuzzTokenize(f *testing.F) {
	f.Add("Hello, Mr. Smith! 今日は。")
	f.Add(strings.Repeat("e\u0301", 100))
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		var b strings.Builder
		for _, tok := range tokenize(s, lineWidth) {
			if tok.width > lineWidth || tok.text == "" || strings.ContainsFunc(tok.text, unicode.IsSpace) {
				t.Errorf("token %q has %d columns", tok.text, tok.width)
			}
			b.WriteString(tok.text)
		}
		if b.String() != bare(s) {
			t.Errorf("got %q, want %q", b.String(), bare(s))
		}
	})
}

// long is an hour of talk.
func long(speakers ...string) *api.Result {
	r := &api.Result{DurationSeconds: 3600}
	for i := range 600 {
		s := api.Segment{Start: float64(i) * 6, End: float64(i)*6 + 5.5,
			Text: "I understand that this is hard, but we cannot give the money back without the old one. Is that right?"}
		if len(speakers) > 0 {
			s.Speaker = speakers[i%len(speakers)]
		}
		r.Segments = append(r.Segments, s)
	}
	r.Text = r.JoinedText()
	return r
}

func BenchmarkWriteHour(b *testing.B) {
	r := long("Agent", "Caller")
	for _, format := range api.Formats {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(&bytes.Buffer{}, format, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
