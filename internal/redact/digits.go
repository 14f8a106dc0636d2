package redact

import (
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// atom is one token of a row of digits.
type atom struct {
	pos    int    // in the view
	digits string // what it adds
	groups []int  // lengths of the groups of a written number: 3, 2, 4
	soft   bool   // a new group may begin here
	dash   bool   // "dash" was said before it
	single bool   // one digit by itself: not that of "twenty three"
}

// run is a row of digits, written or spoken, with little said in between.
type run []atom

// connectors are what people say within a number, and must not end it.
var connectors = map[string]bool{
	"dash": true, "hyphen": true, "minus": true, "space": true, "comma": true, "dot": true, "period": true, "slash": true,
	"uh": true, "um": true, "umm": true, "er": true, "erm": true, "hmm": true, "okay": true, "ok": true, "and": true,
	"then": true, "so": true, "yes": true, "yeah": true, "right": true, "mhm": true, "mm-hmm": true, "uh-huh": true,
	"-": true, "–": true, "—": true, ".": true, "/": true,
}

// maxConnectors is how many of them may stand between two digits.
const maxConnectors = 3

// runs returns the rows of three or more digits of a view.
func (d *document) runs(view []int) []run {
	var out []run
	var cur run
	gap, dash := 0, false
	flush := func() {
		if len(cur) > 0 && len(cur.digits()) >= 3 {
			out = append(out, cur)
		}
		cur, gap, dash = nil, 0, false
	}
	for i := range view {
		if view[i] == breakTurn || d.claimed[view[i]] != "" || d.tokens[view[i]].mask != "" {
			flush()
			continue
		}
		if a := d.atom(view, i); a.digits != "" {
			a.soft = a.soft || gap > 0
			a.dash = dash
			cur, gap, dash = append(cur, a), 0, false
			continue
		}
		w := d.word(view, i)
		if len(cur) == 0 || !connectors[w] || gap == maxConnectors {
			flush()
			continue
		}
		gap++
		dash = dash || w == "dash" || w == "hyphen" || w == "-"
	}
	flush()
	return out
}

// atom reads the digits that position i of view stands for.
func (d *document) atom(view []int, i int) atom {
	t := &d.tokens[view[i]]
	a := atom{pos: i, digits: t.digits, soft: t.soft}
	next := ""
	if i+1 < len(view) && view[i+1] != breakTurn {
		next = d.tokens[view[i+1]].digits
	}
	if spoken.IsCounted(d.word(view, i+1)) && len(t.digits) < 3 {
		return atom{pos: i} // a number of things
	}
	switch t.word {
	case "double":
		if len(next) == 1 {
			a.digits = next
		}
		return a
	case "triple", "treble":
		if len(next) == 1 {
			a.digits = next + next
		}
		return a
	case "hundred", "thousand":
		if prev := d.word(view, i-1); spoken.IsNumberWord(prev) {
			v, _ := spoken.Below100([]string{prev})
			if t.word == "hundred" && v > 0 {
				a.digits = "00"
			} else if v > 0 && v < 10 {
				a.digits = "000"
			}
		}
		return a
	}
	if len(t.digits) == 2 && strings.HasSuffix(t.word, "ty") && len(next) == 1 && next != "0" && !d.tokens[view[i+1]].soft {
		if spoken.IsNumberWord(d.tokens[view[i+1]].word) {
			a.digits = t.digits[:1]
			return a
		}
	}
	a.single = len(t.digits) == 1 && !(i > 0 && strings.HasSuffix(d.word(view, i-1), "ty"))
	if t.digits != "" && t.word[0] < 'a' {
		a.groups = groupLengths(d.raw(view[i]))
		a.soft = a.soft || len(t.digits) > 1
	}
	return a
}

// groupLengths returns how many digits stand between the separators of raw.
func groupLengths(raw string) []int {
	var out []int
	n := 0
	for _, r := range raw + " " {
		if r >= '0' && r <= '9' {
			n++
			continue
		}
		if n > 0 {
			out = append(out, n)
		}
		n = 0
	}
	return out
}

// unclaimed returns the parts of r that no finder has claimed.
func (d *document) unclaimed(view []int, r run) []run {
	var out []run
	from := 0
	for i := 0; i <= len(r); i++ {
		if i < len(r) && d.claimed[view[r[i].pos]] == "" {
			continue
		}
		if part := r[from:i]; len(part) > 0 && len(part.digits()) >= 3 {
			out = append(out, part)
		}
		from = i + 1
	}
	return out
}

func (r run) digits() string {
	var b strings.Builder
	for i := range r {
		b.WriteString(r[i].digits)
	}
	return b.String()
}

// boundary reports whether a number may begin or end before atom i.
func (r run) boundary(i int) bool { return i == 0 || i >= len(r) || r[i].soft || len(r[i].groups) > 0 }

// end returns the atom after n digits from atom i, or -1 where an atom
// straddles that place or the run is too short.
func (r run) end(i, n int) int {
	for ; i < len(r) && n > 0; i++ {
		n -= len(r[i].digits)
	}
	if n != 0 {
		return -1
	}
	return i
}

// shape returns the lengths of the groups of a run, as its separators part
// it: 3-2-4. Digits said one by one count as one group until "dash".
func (r run) shape() []int {
	var out []int
	joined := false // the last group may still grow
	for i := range r {
		if len(r[i].groups) > 1 || (len(r[i].groups) == 1 && r[i].groups[0] > 1) {
			out = append(out, r[i].groups...)
			joined = false
			continue
		}
		if !joined || r[i].dash {
			out = append(out, 0)
		}
		out[len(out)-1] += len(r[i].digits)
		joined = true
	}
	return out
}

// counting reports whether r is somebody counting up or down, eight steps or
// more: "one two three four five six seven eight".
func (r run) counting() bool {
	chain, best := 0, 0
	step := 0
	for i := 1; i < len(r); i++ {
		if len(r[i].digits) > 2 || len(r[i-1].digits) > 2 {
			chain = 0
			continue
		}
		s := number(r[i].digits) - number(r[i-1].digits)
		if (s == 1 || s == -1) && (s == step || chain == 0) {
			chain++
		} else {
			chain = 0
		}
		step = s
		best = max(best, chain)
	}
	return best >= 7
}

func number(digits string) int {
	v := 0
	for i := range len(digits) {
		v = v*10 + int(digits[i]-'0')
	}
	return v
}
