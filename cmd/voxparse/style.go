package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"golang.org/x/term"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
)

// style is how one stream is written to: whether a person looks at it, and in
// which colors.
type style struct {
	tty    bool
	width  int // columns; 0 without a terminal
	render *lipgloss.Renderer

	bold, faint, good, bad, warn, accent lipgloss.Style
}

// newStyle looks at w. color is "auto", "always" or "never"; NO_COLOR and a
// dumb terminal count as never where it is "auto".
func newStyle(w io.Writer, color string) style {
	s := style{render: lipgloss.NewRenderer(w)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.tty = true
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			s.width = width
		}
	}
	on := s.tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if color != "auto" {
		on = color == "always"
	}
	if on {
		s.render.SetColorProfile(termenv.ANSI)
	} else {
		s.render.SetColorProfile(termenv.Ascii)
	}
	base := s.render.NewStyle()
	s.bold, s.faint = base.Bold(true), base.Faint(true)
	s.good, s.bad = base.Foreground(lipgloss.Color("2")), base.Foreground(lipgloss.Color("1")).Bold(true)
	s.warn, s.accent = base.Foreground(lipgloss.Color("3")), base.Foreground(lipgloss.Color("6"))
	return s
}

// colored says whether text of that style has colors.
func (s style) colored() bool { return s.render.ColorProfile() != termenv.Ascii }

// jobStatus colors a job's state.
func (s style) jobStatus(st api.JobStatus) string {
	switch st {
	case api.Completed:
		return s.good.Render(string(st))
	case api.Failed:
		return s.bad.Render(string(st))
	case api.Processing:
		return s.accent.Render(string(st))
	case api.Cancelled, api.Interrupted:
		return s.faint.Render(string(st))
	}
	return string(st)
}

// deliveryStatus colors a delivery's state.
func (s style) deliveryStatus(st api.DeliveryStatus) string {
	switch st {
	case api.DeliveryDelivered:
		return s.good.Render(string(st))
	case api.DeliveryFailed:
		return s.bad.Render(string(st))
	case api.DeliveryHeld:
		return s.warn.Render(string(st))
	case api.DeliveryInFlight:
		return s.accent.Render(string(st))
	}
	return string(st)
}

// clean takes control characters out of text that others wrote, so that it
// cannot drive the terminal. Tabs and line ends stay.
func clean(s string) string {
	bad := func(r rune) bool {
		return (unicode.IsControl(r) && r != '\n' && r != '\t') || r == '\u2028' || r == '\u2029' || (r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069')
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// oneLine is clean for a cell of a table.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cut is oneLine, shortened to n runes for a person.
func (s style) cut(text string, n int) string {
	if !s.tty {
		return oneLine(text)
	}
	return shorten(oneLine(text), n)
}

// wrap breaks text between words where it is wider than the terminal. The first
// line begins in column used, and the others are indented. A word is never
// broken: an address or a secret is copied as one. Without a terminal text is
// left as it is.
func (s style) wrap(text string, used, indent int) string {
	if s.width <= 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if used+ansi.StringWidth(line) > s.width {
			line = s.wrapLine(line, used, indent)
		}
		lines[i] = strings.TrimRight(line, " ")
		used = 0
	}
	return strings.Join(lines, "\n")
}

// wrapLine is wrap for a line that is too wide.
func (s style) wrapLine(line string, used, indent int) string {
	var b strings.Builder
	b.WriteString(line[:len(line)-len(strings.TrimLeft(line, " "))])
	used += b.Len()
	for i, word := range strings.Fields(line) {
		n := ansi.StringWidth(word)
		switch {
		case i == 0:
		case used+1+n > s.width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// when writes a time: how long ago for a person, RFC 3339 for a program.
func (s style) when(t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case !s.tty:
		return t.UTC().Format(time.RFC3339)
	}
	return ago(time.Since(t))
}

// ago words a distance in time; negative ones lie ahead.
func ago(d time.Duration) string {
	if d < 0 {
		return "in " + shortDuration(-d)
	}
	if d < time.Second {
		return "just now"
	}
	return shortDuration(d) + " ago"
}

// shortDuration rounds to what a person reads: "7s", "4m10s", "3h20m", "5d".
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Minute:
		return duration.Format(d.Round(time.Second))
	case d < 48*time.Hour:
		return duration.Format(d.Round(time.Minute))
	}
	return fmt.Sprintf("%dd", int(d.Round(24*time.Hour)/(24*time.Hour)))
}

// clock writes seconds of audio as 1:02:03 or 2:03.
func clock(seconds float64) string {
	n := int(seconds + 0.5)
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// bytesText writes a size for a person.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f kB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
