package transcript

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/voxparse/voxparse/api"
)

// Options add what a result does not know. The zero value is good.
type Options struct {
	Title string // heading of the Markdown; "" for "Transcript"
	Audio string // path or URL of the audio, relative to the Markdown, for its time links
}

// Write writes r in that format to w: see WriteWith.
func Write(w io.Writer, format string, r *api.Result) error {
	return WriteWith(w, format, r, Options{})
}

// WriteWith writes r in that format to w, as UTF-8 with a new line at the end
// of every line. The error is api.Invalid for an unknown format and names the
// known ones; other errors are w's.
func WriteWith(w io.Writer, format string, r *api.Result, opts Options) error {
	write, ok := writers[format]
	if !ok {
		return unknown(format)
	}
	b := bufio.NewWriter(w)
	if err := write(b, r, opts); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	return nil
}

// writers has one function a format. A bufio.Writer keeps its first error, so
// they report only errors of other kinds.
var writers = map[string]func(*bufio.Writer, *api.Result, Options) error{
	api.FormatText:     writeText,
	api.FormatSRT:      writeSRT,
	api.FormatVTT:      writeVTT,
	api.FormatJSON:     writeJSON,
	api.FormatTSV:      writeTSV,
	api.FormatMarkdown: writeMarkdown,
}

// Check returns nil for a known format, else an api.Invalid error that names
// the known ones.
func Check(format string) error {
	if _, ok := writers[format]; !ok {
		return unknown(format)
	}
	return nil
}

func unknown(format string) error {
	hint := ""
	if near := api.Nearest(strings.ToLower(format), api.Formats); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return api.Errorf(api.Invalid, "unknown format %q%s (known: %s)", format, hint, strings.Join(api.Formats, ", "))
}

// Ext returns the extension of a file in that format, with its dot.
func Ext(format string) string { return "." + format }

// ContentType returns the media type of that format.
func ContentType(format string) string {
	switch format {
	case api.FormatSRT:
		return "application/x-subrip; charset=utf-8"
	case api.FormatVTT:
		return "text/vtt; charset=utf-8"
	case api.FormatJSON:
		return "application/json"
	case api.FormatTSV:
		return "text/tab-separated-values; charset=utf-8"
	case api.FormatMarkdown:
		return "text/markdown; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// writeJSON writes the result itself.
func writeJSON(w *bufio.Writer, r *api.Result, _ Options) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// tsvEscape keeps a cell on its line and in its column.
var tsvEscape = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// cell returns s as a cell: what is white space to some readers only, and what
// drives a terminal, is a space.
func cell(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u2028' || r == '\u2029' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, tsvEscape.Replace(s))
}

// writeTSV writes one line a segment: start and end in milliseconds, speaker,
// text. The columns are the same for every result.
func writeTSV(w *bufio.Writer, r *api.Result, _ Options) error {
	w.WriteString("start\tend\tspeaker\ttext\n")
	for _, s := range segments(r) {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\n", s.start, s.end, cell(s.speaker), cell(s.text))
	}
	return nil
}
