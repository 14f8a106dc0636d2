package redact

import (
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// expiries finds the expiry date of a card: a month and a year soon after
// "expires" and its like, where a card is spoken of.
func (d *document) expiries(view []int, claim func(Kind, int, int)) {
	for i := range view {
		if !d.namesExpiry(view, i) || !d.nearCard(view[i]) {
			continue
		}
		for j := i + 1; j < min(len(view), i+10) && view[j] != breakTurn && d.tokens[view[j]].mask == ""; j++ {
			if n := d.monthYear(view, j); n > 0 {
				claim(CardExpiry, j, j+n)
				break
			}
		}
	}
}

func (d *document) namesExpiry(view []int, i int) bool {
	switch w := d.word(view, i); w {
	case "expires", "expire", "expiring", "expiration", "expiry", "exp":
		return true
	case "good", "valid":
		return wordOf(d.word(view, i+1), "through", "thru", "until")
	}
	return false
}

// monthYear returns how many positions from j make a month and a year of a
// card: "09/27", "oh nine twenty seven", "september of twenty twenty seven".
func (d *document) monthYear(view []int, j int) int {
	if view[j] == breakTurn || d.claimed[view[j]] != "" {
		return 0
	}
	if m, y, ok := strings.Cut(strings.ReplaceAll(d.tokens[view[j]].word, "-", "/"), "/"); ok {
		if (len(y) == 2 || len(y) == 4) && isMonth(m) && isCardYear(y) {
			return 1
		}
	}
	if spoken.MonthOf(d.word(view, j)) > 0 {
		n := 1
		for n < 4 && wordOf(d.word(view, j+n), "of", "in", "the", "year") {
			n++
		}
		if k := d.cardYear(view, j+n); k > 0 {
			return n + k
		}
		return 0
	}
	return d.digitsMonthYear(view, j)
}

// digitsMonthYear reads a month and a year as digits: "oh nine twenty seven",
// "nine slash twenty seven", "12 26", "0927".
func (d *document) digitsMonthYear(view []int, j int) int {
	var digits string
	for n := 0; n < 8 && j+n < len(view) && view[j+n] != breakTurn; n++ {
		if d.claimed[view[j+n]] != "" || d.tokens[view[j+n]].mask != "" {
			return 0
		}
		if connectors[d.word(view, j+n)] && digits != "" {
			continue
		}
		a := d.atom(view, j+n)
		if a.digits == "" || len(digits)+len(a.digits) > 6 {
			return 0
		}
		digits += a.digits
		more := j+n+1 < len(view) && view[j+n+1] != breakTurn && d.atom(view, j+n+1).digits != ""
		if len(digits) < 3 || (more && len(digits) < 6) {
			continue
		}
		for _, cut := range []int{2, 1} {
			if y := digits[cut:]; (len(y) == 2 || len(y) == 4) && isMonth(digits[:cut]) && isCardYear(y) {
				return n + 1
			}
		}
	}
	return 0
}

// cardYear returns how many positions from j make a year of a card.
func (d *document) cardYear(view []int, j int) int {
	if j >= len(view) || view[j] == breakTurn || d.claimed[view[j]] != "" {
		return 0
	}
	var words []string
	for n := range 4 {
		if w := d.word(view, j+n); w != "" {
			words = append(words, w)
		}
	}
	if y, n := spoken.Year(words); n > 0 && y >= 2000 && y < 2050 {
		return n
	}
	if v, n := spoken.Below100(words); n > 0 && v >= 20 && v < 50 {
		return n
	}
	if len(words) > 0 && isCardYear(words[0]) {
		return 1
	}
	return 0
}

func isMonth(s string) bool {
	return s != "" && len(s) < 3 && digitsOnly(s) && number(s) >= 1 && number(s) <= 12
}

func isCardYear(s string) bool {
	if !digitsOnly(s) {
		return false
	}
	v := number(s)
	return (len(s) == 2 && v >= 20 && v < 50) || (len(s) == 4 && v >= 2020 && v < 2050)
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
