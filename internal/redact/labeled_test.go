package redact_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/redact"
)

// labeled is one line of testdata/pii/labeled.tsv.
type labeled struct {
	line   int
	style  string
	raw    string
	result *api.Result
	gold   []goldSpan
}

// goldSpan is one marked piece of a line, by the bytes of each segment it is in.
type goldSpan struct {
	kind  redact.Kind
	parts map[int][2]int
}

var goldKinds = map[string]redact.Kind{
	"card": redact.CardNumber, "cvv": redact.SecurityCode, "exp": redact.CardExpiry,
	"ssn": redact.SSN, "phone": redact.Phone, "email": redact.Email,
}

var (
	goldOpen     = regexp.MustCompile(`\{([a-z]+):`)
	speakerStart = regexp.MustCompile(`^([A-Z]): `)
)

func readLabeled(t testing.TB) []labeled { return readLines(t, "labeled.tsv") }

func readLines(t testing.TB, name string) []labeled {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/pii/" + name)
	if err != nil {
		t.Fatalf("read the labeled set: %v", err)
	}
	var out []labeled
	for i, line := range strings.Split(string(raw), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		style, text, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("line %d: got no tab, want style<TAB>text", i+1)
		}
		l := labeled{line: i + 1, style: style, raw: text}
		l.parse(t)
		out = append(out, l)
	}
	return out
}

// parse cuts the line into segments and takes the marks out.
func (l *labeled) parse(t testing.TB) {
	l.result = &api.Result{}
	speaker, open := "", -1
	for s, text := range strings.Split(l.raw, " | ") {
		prefix := ""
		if m := goldOpen.FindStringIndex(text); m != nil && m[0] == 0 && speakerStart.MatchString(text[m[1]:]) {
			prefix, text = text[:m[1]], text[m[1]:]
		}
		if m := speakerStart.FindStringSubmatch(text); m != nil {
			speaker, text = m[1], text[len(m[0]):]
		}
		text = prefix + text
		var clean strings.Builder
		from := 0
		for text != "" {
			if m := goldOpen.FindStringSubmatchIndex(text); m != nil && m[0] == 0 {
				kind, ok := goldKinds[text[m[2]:m[3]]]
				if !ok {
					t.Fatalf("line %d: got kind %q, want one of %v", l.line, text[m[2]:m[3]], goldKinds)
				}
				l.gold = append(l.gold, goldSpan{kind, map[int][2]int{}})
				open, from = len(l.gold)-1, clean.Len()
				text = text[m[1]:]
				continue
			}
			if text[0] == '}' {
				l.gold[open].parts[s] = [2]int{from, clean.Len()}
				open, from = -1, 0
				text = text[1:]
				continue
			}
			clean.WriteByte(text[0])
			text = text[1:]
		}
		if open >= 0 {
			l.gold[open].parts[s] = [2]int{from, clean.Len()}
		}
		start := float64(len(l.result.Segments)) * 4
		l.result.Segments = append(l.result.Segments, api.Segment{Start: start, End: start + 4, Speaker: speaker, Text: clean.String()})
	}
	l.result.Text = l.result.JoinedText()
}

// meets reports whether f is span: of its kind, covering all of it that
// belongs to the speaker who began it, and at most two words more a segment.
func meets(r *api.Result, f redact.Finding, span goldSpan) bool {
	if f.Kind != span.kind {
		return false
	}
	first := len(r.Segments)
	for s := range span.parts {
		first = min(first, s)
	}
	for s, want := range span.parts {
		seg := r.Segments[s]
		if seg.Speaker != r.Segments[first].Speaker {
			continue
		}
		i := slices.IndexFunc(f.Parts, func(p redact.Part) bool { return p.Segment == s })
		if i < 0 {
			return false
		}
		p := f.Parts[i]
		if p.From > want[0] || p.To < want[1] {
			return false
		}
		more := len(strings.Fields(seg.Text[p.From:want[0]])) + len(strings.Fields(seg.Text[want[1]:p.To]))
		if more > 2 {
			return false
		}
	}
	return true
}

// tally counts hits and misses of one kind.
type tally struct{ hit, wrong, missed int }

func (c tally) precision() float64 { return ratio(c.hit, c.hit+c.wrong) }
func (c tally) recall() float64    { return ratio(c.hit, c.hit+c.missed) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// floors are what the rules must not fall below.
var floors = map[redact.Kind]struct{ precision, recall float64 }{
	redact.CardNumber:   {0.95, 0.95},
	redact.SecurityCode: {0.90, 0.90},
	redact.CardExpiry:   {0.90, 0.85},
	redact.SSN:          {0.95, 0.95},
	redact.Phone:        {0.92, 0.92},
	redact.Email:        {0.92, 0.92},
}

// score counts the hits and misses of lines by kind, and the traps with
// nothing found in them.
func score(t *testing.T, lines []labeled) (counts map[redact.Kind]*tally, traps, clean int) {
	t.Helper()
	counts = map[redact.Kind]*tally{}
	for _, k := range redact.Kinds {
		counts[k] = &tally{}
	}
	for _, l := range lines {
		found := redact.Find(l.result)
		if len(l.gold) == 0 {
			if traps++; len(found) == 0 {
				clean++
			}
		}
		used := make([]bool, len(found))
		for _, span := range l.gold {
			i := slices.IndexFunc(found, func(f redact.Finding) bool { return meets(l.result, f, span) })
			if i < 0 || used[i] {
				counts[span.kind].missed++
				t.Logf("line %d: missed %s: %s", l.line, span.kind, l.raw)
				continue
			}
			used[i] = true
			counts[span.kind].hit++
		}
		for i, f := range found {
			if !used[i] {
				counts[f.Kind].wrong++
				t.Logf("line %d: wrong %s: %s", l.line, f.Kind, l.raw)
			}
		}
	}
	return counts, traps, clean
}

// table is the result of score as the README shows it.
func table(counts map[redact.Kind]*tally, lines, traps, clean int) string {
	var b strings.Builder
	var all tally
	fmt.Fprintf(&b, "\n%d lines, %d of %d traps without a finding\n| kind | spans | precision | recall |\n|---|---:|---:|---:|\n", lines, clean, traps)
	row := func(name string, c tally) {
		fmt.Fprintf(&b, "| %s | %d | %.1f%% | %.1f%% |\n", name, c.hit+c.missed, 100*c.precision(), 100*c.recall())
	}
	for _, k := range redact.Kinds {
		c := *counts[k]
		all.hit, all.wrong, all.missed = all.hit+c.hit, all.wrong+c.wrong, all.missed+c.missed
		row(string(k), c)
	}
	row("all", all)
	return b.String()
}

func TestFind_labeledSet(t *testing.T) {
	lines := readLabeled(t)
	counts, traps, clean := score(t, lines)
	if len(lines) < 200 || traps*100 < len(lines)*45 {
		t.Errorf("got %d lines with %d traps, want 200 or more, about half traps", len(lines), traps)
	}
	for _, k := range redact.Kinds {
		c := counts[k]
		if f := floors[k]; c.precision() < f.precision || c.recall() < f.recall {
			t.Errorf("%s: got precision %.3f and recall %.3f, want at least %.2f and %.2f", k, c.precision(), c.recall(), f.precision, f.recall)
		}
	}
	t.Log(table(counts, len(lines), traps, clean))
}

// No rule was made for these lines; see the head of the file.
func TestFind_heldOutSet(t *testing.T) {
	lines := readLines(t, "heldout.tsv")
	counts, traps, clean := score(t, lines)
	var all tally
	for _, c := range counts {
		all.hit, all.wrong, all.missed = all.hit+c.hit, all.wrong+c.wrong, all.missed+c.missed
	}
	if all.precision() < 0.85 || all.recall() < 0.85 {
		t.Errorf("got precision %.3f and recall %.3f, want at least 0.85 each", all.precision(), all.recall())
	}
	t.Log(table(counts, len(lines), traps, clean))
}
