package transcript

import (
	"bufio"
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

func writeMarkdown(w *bufio.Writer, r *api.Result, opts Options) error {
	segs := segments(r)
	title := clean(opts.Title)
	if title == "" {
		title = "Transcript"
	}
	fmt.Fprintf(w, "# %s\n\n- Duration: %s\n", escape(title), clock(millis(r.DurationSeconds)))
	for _, line := range []struct{ name, value string }{
		{"Language", r.Language}, {"Model", r.Model}, {"Speakers", speakers(segs)},
	} {
		if v := clean(line.value); v != "" {
			fmt.Fprintf(w, "- %s: %s\n", line.name, escape(v))
		}
	}
	if r.AIAnalysis != nil {
		writeAnalysis(w, r.AIAnalysis, opts.Audio)
	}
	text := paragraphs(segs)
	if len(text) > 0 {
		w.WriteString("\n## Transcript\n")
	}
	for _, p := range text {
		w.WriteByte('\n')
		if p.speaker != "" {
			fmt.Fprintf(w, "**%s** ", escape(p.speaker))
		}
		fmt.Fprintf(w, "%s  \n%s\n", timeLink(p.start, opts.Audio), escape(p.text))
	}
	return nil
}

// writeAnalysis writes what a reader of the transcript wants first.
func writeAnalysis(w *bufio.Writer, a *api.Analysis, audio string) {
	section := func(name string, items []api.Quote) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(w, "\n## %s\n\n", name)
		for _, q := range items {
			fmt.Fprintf(w, "- %s %s\n", escape(clean(q.Text)), timeLink(millis(q.Start), audio))
		}
	}
	section("Summary", a.Summary)
	actions := make([]api.Quote, len(a.ActionItems))
	for i, item := range a.ActionItems {
		actions[i] = api.Quote{Ref: item.Ref, Text: item.Text}
		if owner := clean(item.Owner); owner != "" {
			actions[i].Text = owner + ": " + item.Text
		}
	}
	section("Action items", actions)
	section("Questions", a.Questions)
}

// speakers names the speakers with their shares of the speech, the one who
// speaks most first.
func speakers(segs []segment) string {
	var names []string
	spoken := map[string]int64{}
	var total int64
	for _, s := range segs {
		if s.speaker == "" {
			continue
		}
		if _, ok := spoken[s.speaker]; !ok {
			names = append(names, s.speaker)
		}
		spoken[s.speaker] += s.end - s.start
		total += s.end - s.start
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(spoken[b], spoken[a]) })
	if total > 0 {
		for i, n := range names {
			names[i] = fmt.Sprintf("%s (%d%%)", n, (spoken[n]*100+total/2)/total)
		}
	}
	return strings.Join(names, ", ")
}

// timeLink links a time to that place in the audio, as a media fragment.
func timeLink(ms int64, audio string) string {
	target := ""
	if audio != "" {
		target = linkTarget(audio)
	}
	return fmt.Sprintf("[%s](%s#t=%d)", clock(ms), target, ms/1000)
}

// linkTarget makes a path or URL fit for the brackets of a link.
func linkTarget(audio string) string {
	u, err := url.Parse(audio)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		u = &url.URL{Path: audio}
	}
	u.Fragment = ""
	return strings.NewReplacer("(", "%28", ")", "%29").Replace(u.String())
}

// mdSpecial are the characters that Markdown could take for its own anywhere.
var mdSpecial = strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]",
	"<", "\\<", ">", "\\>", "`", "\\`", "~", "\\~", "|", "\\|", "&", "\\&")

var (
	mdNumber = regexp.MustCompile(`^(\d+)([.)])`)
	mdStart  = regexp.MustCompile(`^[-+#=]`)
)

// escape writes a line so that Markdown shows it as it is.
func escape(s string) string {
	s = mdNumber.ReplaceAllString(mdSpecial.Replace(s), `$1\$2`)
	return mdStart.ReplaceAllString(s, `\$0`)
}
