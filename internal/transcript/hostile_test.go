package transcript

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// hostile is text that each format could take for its own.
var hostile = []string{
	"<script>alert(1)</script> & <i>so</i>",
	"00:00:01.000 --> 00:00:02.000 NOTE STYLE",
	"one\n\n2\n00:00:09,000 --> 00:00:10,000\nfake",
	"a\tb\r\nc\\n",
	"# head\n- item **bold** [a](javascript:x) ![i](y) `code` | 1. one",
	"שלום עולם \u202E abc \u2066 def",
	"\x1b[31mred\x07 \u2028 line \u0085 next",
	"bad \xff\xfe bytes",
}

func written(t *testing.T, format string, r *api.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestHostileTextStaysText(t *testing.T) {
	for _, text := range hostile {
		r := &api.Result{DurationSeconds: 9, Segments: []api.Segment{{Start: 1, End: 5, Speaker: text, Text: text}, {Start: 5, End: 9, Speaker: "B", Text: "End."}}}
		r.Text = r.JoinedText()
		read(t, r) // SRT and WebVTT, strictly
		for _, format := range []string{"txt", "srt", "vtt", "tsv", "md"} {
			got := written(t, format, r)
			if i := strings.IndexAny(got, "\x1b\x07\u202E\u2066\u2028\u0085\r"); i >= 0 {
				t.Errorf("%s: got %q, want no control of the terminal, of lines or of direction", format, got[i:])
			}
		}
		vtt := written(t, "vtt", r)
		if i := strings.IndexByte(vtt, '<'); i >= 0 {
			t.Errorf("vtt: got a tag in %q", vtt[i:])
		}
		if tsv := written(t, "tsv", r); strings.Count(tsv, "\n") != 3 || strings.Count(tsv, "\t") != 9 {
			t.Errorf("tsv: got %q, want three lines of four cells", tsv)
		}
		md := written(t, "md", r)
		for _, bad := range []string{"](javascript", "**bold**", "<script", "\n# head", "\n- item", "![", "`code`"} {
			if strings.Contains(strings.ReplaceAll(md, "\\"+bad[:1], ""), bad) {
				t.Errorf("md: got %q in %q", bad, md)
			}
		}
		var back api.Result
		if err := json.Unmarshal([]byte(written(t, "json", r)), &back); err != nil || back.Segments[0].Text != strings.ToValidUTF8(text, "\uFFFD\uFFFD") && back.Segments[0].Text != text {
			t.Errorf("json: got %q, %v, want %q", back.Segments[0].Text, err, text)
		}
	}
}

func TestTextFromRightToLeftStays(t *testing.T) {
	const text = "שלום, מה שלומך? \u200Fabc\u200E אני בסדר."
	r := &api.Result{Segments: []api.Segment{{End: 4, Text: text}}}
	for _, format := range []string{"txt", "srt", "vtt", "tsv", "md", "json"} {
		if got := written(t, format, r); !strings.Contains(strings.ReplaceAll(got, "\n", " "), text) {
			t.Errorf("%s: got %q, want %q in it", format, got, text)
		}
	}
}

// A cue that is faster than people read is shown as long as there is time: to
// the next cue, or for the longest that a cue may be.
func TestFastTalkIsShownAsLongAsThereIsTime(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond float64 // characters spoken
		fast      int     // cues that cannot be read in time
	}{"slow": {11, 0}, "usual": {14, 0}, "hasty": {24, 15}} {
		r := &api.Result{}
		at := 0.0
		for range 20 {
			text := "I understand that this is hard, but we cannot give the money back without the old one."
			r.Segments = append(r.Segments, api.Segment{Start: at, End: at + float64(len(text))/c.perSecond, Text: text})
			at += float64(len(text))/c.perSecond + 0.3
		}
		fast := 0
		all := read(t, r)
		for i, cue := range all {
			chars := width(strings.Join(cue.lines, " "))
			if int64(chars)*1000 <= (cue.end-cue.start+1)*readSpeed {
				continue
			}
			fast++
			if i+1 < len(all) && all[i+1].start > cue.end && cue.end-cue.start < maxShown {
				t.Errorf("%s: cue %d is gone %d ms before the next, and %d characters were not read", name, i+1, all[i+1].start-cue.end, chars)
			}
		}
		if fast < c.fast || c.fast == 0 && fast > 0 {
			t.Errorf("%s: got %d of %d cues faster than %d characters a second, want %d", name, fast, len(all), readSpeed, c.fast)
		}
	}
}
