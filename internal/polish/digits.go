package polish

import (
	"strings"

	"github.com/voxparse/voxparse/internal/spoken"
)

// numberRow returns how many words from the beginning are number words in a
// row, so that the end of an unclear row is not read by itself. It returns 0
// for less than two.
func numberRow(words []string) int {
	n := 0
	if words[0] == "half" || words[0] == "a" || words[0] == "an" {
		_, n = spoken.Cardinal(words)
	}
	for n < len(words) && (spoken.IsNumberWord(words[n]) || words[n] == "oh" || words[n] == "double" || words[n] == "triple") {
		n++
	}
	if n < 2 {
		return 0
	}
	return n
}

// minRow is how many digits said one by one are written as one number.
const minRow = 4

// digitRow writes digits said one by one: "four one one one" is "4111". Seven
// and ten digits are grouped as phone numbers, sixteen as cards. Counting
// stays in words.
func digitRow(prev string, words []string) []part {
	if _, ok := spoken.Digit(prev); ok || prev == "double" || prev == "triple" || prev == "point" || prev == "hundred" {
		return nil
	}
	var row strings.Builder
	n := 0
	for n < len(words) {
		times, at := 1, n
		switch words[n] {
		case "double":
			times, at = 2, n+1
		case "triple", "treble":
			times, at = 3, n+1
		}
		if at >= len(words) {
			break
		}
		d, ok := spoken.Digit(words[at])
		if !ok || at+1 < len(words) && breaksRow(words[at+1]) {
			break
		}
		row.WriteString(strings.Repeat(string(d), times))
		n = at + 1
	}
	s := row.String()
	if len(s) < minRow || counts(s) || goesOn(words[n:]) {
		return nil
	}
	return []part{{grouped(s), n}}
}

// breaksRow reports whether w makes the digit before it part of a larger
// number or of a quantity.
func breaksRow(w string) bool {
	switch w {
	case "hundred", "thousand", "million", "billion", "trillion", "point":
		return true
	}
	return spoken.IsCounted(w)
}

// goesOn reports whether words begin with more of a row of digits, and not
// with a number of things.
func goesOn(words []string) bool {
	if len(words) == 0 || len(words) > 1 && spoken.IsCounted(words[1]) {
		return false
	}
	return spoken.IsNumberWord(words[0]) || words[0] == "oh" || words[0] == "double"
}

// counts reports whether s is 1234… or a stretch of it, up or down.
func counts(s string) bool {
	up, down := true, true
	for i := 1; i < len(s); i++ {
		up = up && s[i] == s[i-1]+1
		down = down && s[i]+1 == s[i-1]
	}
	return up || down
}

func grouped(s string) string {
	switch len(s) {
	case 7:
		return s[:3] + "-" + s[3:]
	case 10:
		return s[:3] + "-" + s[3:6] + "-" + s[6:]
	case 16:
		return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
	}
	return s
}

// clockTime writes "three thirty p m" as "3:30 p.m.".
func clockTime(_ string, words []string) []part {
	hour, n := spoken.Below100(words)
	if n != 1 || hour < 1 || hour > 12 {
		return nil
	}
	minute := ""
	if at := n; at < len(words) {
		if v, k := spoken.Below100(words[at:]); k > 0 && v >= 10 && v < 60 {
			minute, n = string([]byte{':', byte('0' + v/10), byte('0' + v%10)}), n+k
		} else if words[at] == "oh" && at+1 < len(words) {
			if v, k := spoken.Below100(words[at+1:]); k == 1 && v > 0 && v < 10 {
				minute, n = string([]byte{':', '0', byte('0' + v)}), n+2
			}
		}
	}
	half, k := halfOfDay(words[n:])
	if k == 0 {
		return nil
	}
	num := spoken.Number{Int: hour}
	return []part{{num.String() + minute, n}, {half, k}}
}

func halfOfDay(words []string) (string, int) {
	if len(words) == 0 {
		return "", 0
	}
	switch words[0] {
	case "am", "a.m":
		if words[0] == "am" && len(words) > 1 && words[1] == "i" {
			return "", 0
		}
		return "a.m.", 1
	case "pm", "p.m":
		return "p.m.", 1
	case "a", "p":
		if len(words) > 1 && words[1] == "m" {
			return words[0] + ".m.", 2
		}
	}
	return "", 0
}
