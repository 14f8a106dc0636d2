package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/voxparse/voxparse/api"
)

// board shows on stderr how files come along: one living line on a terminal,
// plain lines elsewhere, nothing when quiet.
type board struct {
	a     *app
	total int

	mu     sync.Mutex
	done   int
	failed int
	active []*item // in the order they were begun
	drawn  time.Time
	live   bool // a line stands on the terminal
}

// item is one file on the board.
type item struct {
	b        *board
	name     string
	size     int64
	sent     int64
	progress api.Progress
	waiting  string
	toldAt   time.Time // when the last plain line was said, or the file begun
	told     string    // the last plain line without its figures, so that none is said twice
}

func newBoard(a *app, total int) *board { return &board{a: a, total: total} }

// begin puts a file on the board.
func (b *board) begin(name string, size int64) *item {
	it := &item{b: b, name: oneLine(name), size: size, toldAt: time.Now()}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active = append(b.active, it)
	return it
}

// uploaded tells how much of the file is sent, in bytes.
func (it *item) uploaded(n int64) {
	it.b.mu.Lock()
	defer it.b.mu.Unlock()
	it.sent = n
	it.b.draw(false)
}

// update tells what the daemon says of the file.
func (it *item) update(j api.Job) {
	it.b.mu.Lock()
	defer it.b.mu.Unlock()
	if j.Progress != nil {
		it.progress = *j.Progress
	}
	it.waiting = oneLine(j.Waiting)
	if j.Status == api.Queued && it.waiting == "" && j.Error != "" {
		it.waiting = "trying again: " + oneLine(j.Error)
	}
	if told := withoutFigures(it.waiting); !it.b.a.errStyle.tty && told != "" && told != it.told {
		it.told = told
		it.b.a.notice("%s: waiting: %s", it.name, it.waiting)
	}
	it.tellPlainly()
	it.b.draw(false)
}

// plainPause is how often a line tells of the progress where there is no
// terminal: a log is to show that something moves, and not more.
const plainPause = 10 * time.Second

// tellPlainly says how far the file is, where there is no terminal.
func (it *item) tellPlainly() {
	what, share, facts := it.state()
	if it.b.a.errStyle.tty || share < 0 || it.waiting != "" || time.Since(it.toldAt) < plainPause {
		return
	}
	it.toldAt = time.Now()
	it.b.a.notice("%s: %s%.0f%%  %s", it.name, strings.TrimLeft(what+" ", " "), share*100, facts)
}

// withoutFigures takes the digits out: a line that only counts on is not new.
func withoutFigures(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// end takes the file off the board and says line in its place.
func (it *item) end(ok bool, line string) {
	b := it.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	if !ok {
		b.failed++
	}
	for i := range b.active {
		if b.active[i] == it {
			b.active = append(b.active[:i], b.active[i+1:]...)
			break
		}
	}
	b.clear()
	if line != "" {
		b.a.notice("%s", line)
	}
	b.draw(true)
}

// print runs f while no line of ours stands on the terminal.
func (b *board) print(f func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	err := f()
	b.draw(true)
	return err
}

// close takes the line away.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active = nil
	b.clear()
}

func (b *board) clear() {
	if b.live {
		fmt.Fprint(b.a.err, "\r\x1b[K")
		b.live = false
	}
}

// drawPause is the least time between two drawings.
const drawPause = 80 * time.Millisecond

func (b *board) draw(now bool) {
	if b.a.quiet || !b.a.errStyle.tty || len(b.active) == 0 || (!now && time.Since(b.drawn) < drawPause) {
		return
	}
	b.drawn, b.live = time.Now(), true
	fmt.Fprint(b.a.err, "\r"+b.line()+"\x1b[K")
}

// line is what stands on the terminal: the first file that moves, and how many
// there are.
func (b *board) line() string {
	st, it := b.a.errStyle, b.active[0]
	for _, other := range b.active {
		if other.moving() {
			it = other
			break
		}
	}
	var tail string
	if b.total > 1 {
		tail = st.faint.Render(fmt.Sprintf("  %d/%d done", b.done, b.total))
		if b.failed > 0 {
			tail += st.bad.Render(fmt.Sprintf(", %d failed", b.failed))
		}
	}
	what, share, facts := it.state()
	width := st.width
	if width <= 0 {
		width = 80
	}
	text := shorten(it.name, max(12, width/5))
	if what != "" {
		text = st.faint.Render(what) + " " + text
	}
	if facts != "" {
		tail = "  " + facts + tail
	}
	if share >= 0 {
		room := width - 1 - lipgloss.Width(text) - lipgloss.Width(tail) - len("   100%")
		text += "  " + bar(st, share, max(6, min(28, room))) + fmt.Sprintf(" %3.0f%%", share*100)
	}
	return st.render.NewStyle().MaxWidth(width - 1).Render(text + tail)
}

// moving reports whether work on the file goes on.
func (it *item) moving() bool {
	return it.waiting == "" && it.progress.Stage != "" && it.progress.Stage != "queued"
}

// state returns what happens to the file, its share of the whole (-1 where it
// is not known) and facts.
func (it *item) state() (what string, share float64, facts string) {
	p := it.progress
	switch {
	case it.waiting != "":
		return "waiting", -1, it.waiting
	case p.Stage == "" && it.size > 0 && it.sent < it.size:
		return "sending", float64(it.sent) / float64(it.size), bytesText(it.sent)
	case p.Stage == "" || p.Stage == "queued":
		return "queued", -1, ""
	case p.Stage == "model":
		return "fetching the model for", p.Percent / 100, ""
	case p.DurationSeconds > 0:
		share = min(1, p.PositionSeconds/p.DurationSeconds)
	case p.Percent > 0:
		share = p.Percent / 100
	default:
		return "transcribing", -1, clock(p.PositionSeconds)
	}
	facts = clock(p.PositionSeconds) + " of " + clock(p.DurationSeconds)
	if p.Speed > 0 {
		facts += fmt.Sprintf("  %.0fx", p.Speed)
		if left := (p.DurationSeconds - p.PositionSeconds) / p.Speed; left > 0 {
			facts += "  " + shortDuration(max(time.Second, time.Duration(left*float64(time.Second)))) + " left"
		}
	}
	words := map[string]string{"speakers": "telling apart the speakers of", "redact": "silencing", "analyze": "analyzing"}
	return words[p.Stage], share, facts // the common case needs no word
}

// bar draws a share of 1 in n columns.
func bar(st style, share float64, n int) string {
	full := min(n, max(0, int(share*float64(n)+0.5)))
	return st.good.Render(strings.Repeat("█", full)) + st.faint.Render(strings.Repeat("░", n-full))
}

// shorten cuts the middle out of a name that is longer than n runes.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := (n - 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}
