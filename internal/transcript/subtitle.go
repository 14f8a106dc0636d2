package transcript

import (
	"bufio"
	"fmt"
	"regexp"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// srtEscape keeps a text from being taken for a line of times.
var srtEscape = regexp.MustCompile(`--+>`)

func writeSRT(w *bufio.Writer, r *api.Result, _ Options) error {
	for i, c := range cues(r) {
		if i > 0 {
			w.WriteByte('\n')
		}
		fmt.Fprintf(w, "%d\n%s --> %s\n", i+1, stamp(c.start, ','), stamp(c.end, ','))
		for _, line := range c.lines {
			w.WriteString(srtEscape.ReplaceAllString(line, "->") + "\n")
		}
	}
	return nil
}

// vttEscape writes what WebVTT would take for tags and entities.
var vttEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func writeVTT(w *bufio.Writer, r *api.Result, _ Options) error {
	w.WriteString("WEBVTT\n")
	for _, c := range cues(r) {
		fmt.Fprintf(w, "\n%s --> %s\n", stamp(c.start, '.'), stamp(c.end, '.'))
		for _, line := range c.lines {
			w.WriteString(vttEscape.Replace(line) + "\n")
		}
	}
	return nil
}

// stamp writes hours, minutes, seconds and milliseconds.
func stamp(ms int64, point byte) string {
	return fmt.Sprintf("%02d:%02d:%02d%c%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
}
