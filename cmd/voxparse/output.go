package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
)

// printJSON writes v as one line, or indented for a person, or as --jq or
// --template have it.
func (a *app) printJSON(v any) error {
	v, written, err := a.formatted(v)
	if written || err != nil {
		return err
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	if a.style.tty {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// formatted leaves the chosen fields in v, and writes it where an expression or
// a template is given.
func (a *app) formatted(v any) (_ any, written bool, err error) {
	f := &a.format
	if len(f.fields) > 0 {
		if v, err = choose(v, f.fields); err != nil {
			return nil, false, err
		}
	}
	if f.jq == "" && f.template == "" {
		return v, false, nil
	}
	return nil, true, f.write(a, v)
}

// printLine writes v as one line of a stream.
func (a *app) printLine(v any) error {
	v, written, err := a.formatted(v)
	if written || err != nil {
		return err
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	return nil
}

// printText writes text that others wrote.
func (a *app) printText(s string) error {
	if a.style.tty {
		s = clean(s)
	}
	_, err := io.WriteString(a.out, s)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// printf writes to stdout.
func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.out, format, args...)
}

// notice tells a person something on stderr, unless quiet. A program that asked
// for JSON gets none: what it finds on stderr is an error.
func (a *app) notice(format string, args ...any) {
	if !a.quiet && (!a.json || a.errStyle.tty) {
		fmt.Fprintln(a.err, a.errStyle.wrap(fmt.Sprintf(format, args...), 0, 2))
	}
}

// sink is stdout. It keeps the first error, so that a full disk is no success
// of a command that only prints.
type sink struct {
	w   io.Writer
	err error
}

// Write writes through and remembers what went wrong.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = firstOf(s.err, err)
	return n, err
}

// listing is a list as it is printed, which is whole.
type listing[T any] struct {
	Items []T `json:"items"`
}

func (listing[T]) isListing() {}

// printList writes a listing: {"items":[…]}, ids only, or a table. empty is
// said to a person where there is nothing.
func printList[T any](a *app, items []T, id func(T) string, t table, empty string) error {
	switch {
	case a.json:
		if items == nil {
			items = []T{}
		}
		return a.printJSON(listing[T]{items})
	case a.quiet:
		for _, it := range items {
			a.printf("%s\n", id(it))
		}
		return nil
	case len(items) == 0:
		a.notice("%s", empty)
		return nil
	}
	return a.printTable(t)
}

// printOne writes one thing: JSON, its id, or what show writes.
func printOne[T any](a *app, v T, id string, show func()) error {
	switch {
	case a.json:
		return a.printJSON(v)
	case a.quiet:
		if id != "" {
			a.printf("%s\n", id)
		}
		return nil
	}
	show()
	return nil
}

// table is rows below a head. Cells may be colored; they hold no line end.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// printTable writes aligned columns with a head to a terminal, and to anything
// else one line a row with tabs between the cells and no head, for cut and awk.
func (a *app) printTable(t table) error {
	var b strings.Builder
	if !a.style.tty {
		for _, r := range t.rows {
			b.WriteString(strings.Join(r, "\t") + "\n")
		}
		return a.printText(b.String())
	}
	widths, fits := t.widths(a.style.width)
	if !fits {
		a.printBlocks(t)
		return a.out.err
	}
	line := func(cells []string, st lipgloss.Style) {
		for _, l := range foldRow(cells, widths) {
			b.WriteString(st.Render(l) + "\n")
		}
	}
	line(t.head, a.style.faint)
	for _, r := range t.rows {
		line(r, a.style.render.NewStyle())
	}
	_, err := io.WriteString(a.out, b.String())
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// printBlocks writes each row as lines of a name and a value, for a terminal
// that is too narrow for the columns.
func (a *app) printBlocks(t table) {
	for i, r := range t.rows {
		if i > 0 {
			a.printf("\n")
		}
		for n, cell := range r {
			a.field(strings.ToLower(t.head[n]), cell)
		}
	}
}

// foldRow returns the lines of a row: a cell that is wider than its column goes
// on in the next line.
func foldRow(cells []string, widths []int) []string {
	folded, height := make([][]string, len(cells)), 0
	for i, c := range cells {
		folded[i] = strings.Split(ansi.Wrap(c, widths[i], "/_,"), "\n")
		height = max(height, len(folded[i]))
	}
	lines := make([]string, height)
	for n := range lines {
		var l strings.Builder
		for i, parts := range folded {
			part := ""
			if n < len(parts) {
				part = parts[n]
			}
			l.WriteString(part)
			if len(parts) > 1 && strings.Contains(part, "\x1b[") {
				l.WriteString("\x1b[0m") // a color ends with its cell
			}
			l.WriteString(strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(part))+gap))
		}
		lines[n] = strings.TrimRight(l.String(), " ")
	}
	return lines
}

// gap is the columns between two cells. A word of a cell is broken only where
// it is longer than longWord, as addresses and paths are.
const gap, longWord = 2, 18

// widths returns the columns of each cell, and whether the rows fit into room
// without a broken word. Where they are wider than room the widest cells give
// way, but never the first: it is what one copies.
func (t table) widths(room int) (widths []int, fits bool) {
	widths = make([]int, len(t.head))
	least, sum := make([]int, len(t.head)), gap*(len(t.head)-1)
	for i, h := range t.head {
		widths[i], least[i] = ansi.StringWidth(h), ansi.StringWidth(h)
		for _, r := range t.rows {
			widths[i] = max(widths[i], ansi.StringWidth(r[i]))
			for _, word := range strings.Fields(r[i]) {
				least[i] = max(least[i], min(ansi.StringWidth(word), longWord))
			}
		}
		sum += widths[i]
	}
	for ; room > 0 && sum > room; sum-- {
		widest := 0
		for i := 1; i < len(widths); i++ {
			if widths[i] > least[i] && (widest == 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest == 0 {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

// fieldWidth is the columns before the value of a field.
const fieldWidth = 15

// field writes one "name  value" line of a description; an empty value is left out.
func (a *app) field(name, value string) {
	if strings.TrimSpace(value) != "" {
		label := fmt.Sprintf("%-*s", fieldWidth-1, name)
		a.printf("%s %s\n", a.style.faint.Render(label), a.style.wrap(value, max(fieldWidth, len(label)+1), fieldWidth))
	}
}

// item writes a line below a field: it begins with mark, and goes on below
// what follows the mark.
func (a *app) item(mark, text string) {
	n := ansi.StringWidth(mark)
	a.printf("%s%s\n", mark, a.style.wrap(text, n, n))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
