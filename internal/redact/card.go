package redact

import (
	"slices"
	"strings"
)

// cards finds payment card numbers: by brand, length and check digit
// anywhere; and where a payment card is spoken of, 15 or 16 digits that begin
// as a card does, for a recognizer that mishears one digit spoils the check.
func (d *document) cards(view []int, r run, claim func(Kind, int, int)) {
	digits := r.digits()
	if len(digits) < 13 {
		return
	}
	whole := brandLengths(digits)
	if slices.Contains(whole, len(digits)) && luhn(digits) {
		claim(CardNumber, r[0].pos, r[len(r)-1].pos+1)
		return
	}
	topic := d.topic(view, r[0].pos, r[len(r)-1].pos+1)
	if topic != otherTopic && d.cardWithin(r, claim) {
		return
	}
	if topic == cardTopic && (len(digits) == 15 || len(digits) == 16) && strings.ContainsRune("3456", rune(digits[0])) {
		claim(CardNumber, r[0].pos, r[len(r)-1].pos+1)
	}
}

// cardWithin finds card numbers in a longer row of digits: from a place where
// a number may begin, or up to the end.
func (d *document) cardWithin(r run, claim func(Kind, int, int)) bool {
	found := false
	for i := 0; i < len(r); i++ {
		for _, n := range []int{16, 15, 14} {
			j := r.end(i, n)
			if j < 0 || !(j == len(r) || (r.boundary(i) && (i == 0 || r.boundary(j)))) {
				continue
			}
			digits := r[i:j].digits()
			if slices.Contains(brandLengths(digits), n) && luhn(digits) {
				claim(CardNumber, r[i].pos, r[j-1].pos+1)
				found = true
				i = j - 1
				break
			}
		}
	}
	return found
}

// brandLengths returns how many digits a card that begins as digits does has,
// nil where no brand begins so.
func brandLengths(digits string) []int {
	p := func(n int) int {
		if len(digits) < n {
			return 0
		}
		return number(digits[:n])
	}
	between := func(n, lo, hi int) bool { return p(n) >= lo && p(n) <= hi }
	switch {
	case digits == "" || digits[0] == '0':
		return nil
	case digits[0] == '4': // Visa
		return []int{16, 13, 19}
	case between(2, 51, 55), between(4, 2221, 2720): // Mastercard
		return []int{16}
	case p(2) == 34, p(2) == 37: // American Express
		return []int{15}
	case between(3, 300, 305), p(2) == 36, p(2) == 38, p(2) == 39: // Diners Club
		return []int{14, 16}
	case between(4, 3528, 3589): // JCB
		return []int{16, 19}
	case p(2) == 62, p(2) == 81: // UnionPay
		return []int{16, 17, 18, 19}
	case p(4) == 6011, between(3, 644, 649), p(2) == 65: // Discover
		return []int{16, 19}
	case p(2) == 50, between(2, 56, 58), p(1) == 6: // Maestro, RuPay
		return []int{16, 13, 15, 18, 19}
	}
	return nil
}

// luhn reports whether the check digit of a card number is right.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		v := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return len(digits) > 0 && sum%10 == 0 && strings.Trim(digits, digits[:1]) != ""
}

// codes finds the security code of a card: three or four digits after "CVV"
// and its like, or after "security code" where a card is spoken of.
func (d *document) codes(view []int, r run, claim func(Kind, int, int)) {
	n := len(r.digits())
	if n != 3 && n != 4 {
		return
	}
	flat := d.views[len(d.views)-1]
	first := view[r[0].pos]
	for i, seen := first-1, 0; i >= 0 && seen < 12; i, seen = i-1, seen+1 {
		if d.tokens[i].mask != "" {
			return
		}
		if d.tokens[i].digits != "" && !wordOf(d.word(flat, i+1), "digit", "digits") {
			if i = d.ending(flat, i); i < 0 {
				return
			}
			continue
		}
		if d.namesCode(flat, i) {
			claim(SecurityCode, r[0].pos, r[len(r)-1].pos+1)
			return
		}
	}
}

// ending returns the position of "ending" where the digits up to position i are
// those that the name of a card ends in ("the visa ending in oh nine"), else -1.
func (d *document) ending(flat []int, i int) int {
	for i >= 0 && d.tokens[i].digits != "" {
		i--
	}
	if wordOf(d.word(flat, i), "in", "with") && wordOf(d.word(flat, i-1), "ending", "ends") {
		return i - 1
	}
	return -1
}

// namesCode reports whether the words from position i name a security code.
func (d *document) namesCode(flat []int, i int) bool {
	next := d.word(flat, i+1)
	switch w := d.word(flat, i); w {
	case "cvv", "cvc", "cvv2", "cvc2", "csc", "cvn":
		return true
	case "c":
		third := d.word(flat, i+2)
		return (next == "v" && (third == "v" || third == "c")) || (next == "s" && third == "c")
	case "security", "verification":
		return wordOf(next, "code", "number", "digits", "value") && d.nearCard(i)
	case "digit", "three-digit", "four-digit":
		return next == "code" && d.nearCard(i) || w == "digit" && d.onTheBack(flat, i+1)
	case "digits":
		return d.onTheBack(flat, i+1)
	case "code", "number":
		return d.onTheBack(flat, i+1) && d.nearCard(i)
	}
	return false
}

// onTheBack reports whether the words from position i are "on the back".
func (d *document) onTheBack(flat []int, i int) bool {
	return d.word(flat, i) == "on" && (d.word(flat, i+1) == "back" || d.word(flat, i+2) == "back")
}

// wordOf reports whether w is one of list.
func wordOf(w string, list ...string) bool { return slices.Contains(list, w) }
