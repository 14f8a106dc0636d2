package spoken

import (
	"strconv"
	"strings"
)

var units = map[string]int64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}

var teens = map[string]int64{
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int64{
	"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

var scales = map[string]int64{"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

// maxInt bounds what is read: more than any amount said in earnest, and far
// from overflow.
const maxInt = int64(1e15)

// Number is a number of zero or more, exact in decimal.
type Number struct {
	Int  int64
	Frac string // decimal digits after the point, "" for a whole number
}

// Float returns the nearest float64.
func (n Number) Float() float64 {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return float64(n.Int)
	}
	return f
}

// String returns n in plain decimal form: "1200.5".
func (n Number) String() string {
	s := strconv.FormatInt(n.Int, 10)
	if n.Frac != "" {
		s += "." + n.Frac
	}
	return s
}

// Grouped returns n with a comma between thousands: "1,200.5".
func (n Number) Grouped() string {
	s := strconv.FormatInt(n.Int, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if n.Frac != "" {
		s += "." + n.Frac
	}
	return s
}

// Digit returns the digit that word names: zero to nine, and "oh", "o",
// "nought" and "naught" for zero.
func Digit(word string) (byte, bool) {
	switch word {
	case "oh", "o", "nought", "naught":
		return '0', true
	}
	if v, ok := units[word]; ok {
		return byte('0' + v), true
	}
	return 0, false
}

// Below100 reads a number word below one hundred: "seven", "twelve", "forty
// two", "forty-two". It does not read "oh" or written digits.
func Below100(words []string) (int64, int) {
	if len(words) == 0 {
		return 0, 0
	}
	w := words[0]
	if v, ok := units[w]; ok {
		return v, 1
	}
	if v, ok := teens[w]; ok {
		return v, 1
	}
	if v, ok := tens[w]; ok {
		if len(words) > 1 {
			if u, ok := units[words[1]]; ok && u > 0 {
				return v + u, 2
			}
		}
		return v, 1
	}
	if t, u, ok := strings.Cut(w, "-"); ok && tens[t] > 0 && units[u] > 0 {
		return tens[t] + units[u], 1
	}
	return 0, 0
}

func word(words []string, i int) string {
	if i < 0 || i >= len(words) {
		return ""
	}
	return words[i]
}

// group reads a number below ten thousand that has no "thousand" in it: "two
// hundred and five", "twelve hundred", "a hundred".
func group(words []string) (int64, int) {
	v, n := Below100(words)
	if n == 0 {
		if w := word(words, 0); (w == "a" || w == "an") && (word(words, 1) == "hundred" || scales[word(words, 1)] > 0) {
			v, n = 1, 1
		}
	}
	if n == 0 || v == 0 || word(words, n) != "hundred" {
		return v, n
	}
	v *= 100
	n++
	m := n
	if word(words, m) == "and" {
		m++
	}
	if t, k := Below100(words[min(m, len(words)):]); k > 0 && t > 0 && word(words, m+k) != "hundred" {
		return v + t, m + k
	}
	return v, n
}

// Cardinal reads a number: "twelve", "two hundred and five", "twelve
// hundred", "one point two million", "two and a half", "half a million", "a
// thousand", "1,200",
// "3.5 million". It stops where the words no longer make one number: of
// "twenty twenty six" it reads "twenty".
func Cardinal(words []string) (Number, int) {
	if num, n := written(words); n > 0 {
		return scaled(num, words, n)
	}
	if s := scales[word(words, 2)]; s > 0 && words[0] == "half" && words[1] == "a" {
		return Number{Int: s / 2}, 3
	}
	var total int64
	n, last := 0, maxInt
	for n < len(words) {
		m := n
		if n > 0 && words[m] == "and" {
			m++
		}
		g, k := group(words[min(m, len(words)):])
		if k == 0 || (n > 0 && g == 0) {
			break
		}
		if n > 0 && m > n && g >= 100 {
			break // "a thousand and two hundred": two numbers as often as one
		}
		s := scales[word(words, m+k)]
		if s > 0 && g > 0 && s < last && g < 1000 {
			total, last, n = total+g*s, s, m+k+1
			continue
		}
		if s >= last || (n > 0 && g >= last) {
			break
		}
		total, n = total+g, m+k
		break
	}
	if n == 0 {
		return Number{}, 0
	}
	return fraction(Number{Int: total}, words, n)
}

// fraction reads "point two five" or "and a half" behind n words that make
// num, and a scale behind that.
func fraction(num Number, words []string, n int) (Number, int) {
	if word(words, n) == "point" {
		frac, m := "", n+1
		for m < len(words) {
			if d, ok := Digit(words[m]); ok {
				frac, m = frac+string(d), m+1
				continue
			}
			if v, k := Below100(words[m:]); k > 0 && frac == "" {
				frac, m = strconv.FormatInt(v, 10), m+k
			}
			break
		}
		if frac == "" || len(frac) > 6 {
			return num, n
		}
		num.Frac = frac
		return scaled(num, words, m)
	}
	if word(words, n) == "and" && word(words, n+1) == "a" && word(words, n+2) == "half" {
		num.Frac = "5"
		return scaled(num, words, n+3)
	}
	return num, n
}

// scaled multiplies num, made of n words, by a scale that follows it.
func scaled(num Number, words []string, n int) (Number, int) {
	s := scales[word(words, n)]
	if s == 0 && word(words, n) == "hundred" && num.Int > 0 && num.Int < 100 && num.Frac == "" {
		s = 100
	}
	if s == 0 || num.Int > maxInt/s {
		return num, n
	}
	out := Number{Int: num.Int * s, Frac: num.Frac}
	for s > 1 && out.Frac != "" {
		s /= 10
		out.Int += int64(out.Frac[0]-'0') * s
		out.Frac = out.Frac[1:]
	}
	return out, n + 1
}

// written reads digits: "25", "1,200", "5.5".
func written(words []string) (Number, int) {
	w := word(words, 0)
	num, ok := ParseWritten(w)
	if !ok {
		return Number{}, 0
	}
	return num, 1
}

// ParseWritten reads a number in digits with an optional point and commas
// between thousands.
func ParseWritten(s string) (Number, bool) {
	whole, frac, point := strings.Cut(s, ".")
	if whole == "" || len(whole) > 15 || len(frac) > 6 || (point && frac == "") || !allDigits(frac) {
		return Number{}, false
	}
	if strings.Contains(whole, ",") {
		for i, part := range strings.Split(whole, ",") {
			if part == "" || len(part) > 3 || (i > 0 && len(part) != 3) {
				return Number{}, false
			}
		}
		whole = strings.ReplaceAll(whole, ",", "")
	}
	if !allDigits(whole) {
		return Number{}, false
	}
	v, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || v > maxInt {
		return Number{}, false
	}
	return Number{Int: v, Frac: frac}, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// IsNumberWord reports whether word takes part in spoken numbers: a unit,
// teen, ten, "hundred" or a scale, or two of them with a hyphen.
func IsNumberWord(word string) bool {
	if _, ok := units[word]; ok {
		return true
	}
	if teens[word] > 0 || tens[word] > 0 || scales[word] > 0 || word == "hundred" {
		return true
	}
	if a, b, ok := strings.Cut(word, "-"); ok && a != "" && b != "" {
		return IsNumberWord(a) && IsNumberWord(b)
	}
	return false
}

// IsCounted reports whether word, in lower case, is what a number before it
// counts: the seven of "seven days" goes with it, and not on with a row of
// digits that was said before.
func IsCounted(word string) bool { return counted[word] }

var counted = map[string]bool{
	"day": true, "days": true, "week": true, "weeks": true, "month": true, "months": true, "year": true, "years": true,
	"hour": true, "hours": true, "minute": true, "minutes": true, "seconds": true, "times": true, "percent": true,
	"dollar": true, "dollars": true, "bucks": true, "cents": true, "people": true,
}
