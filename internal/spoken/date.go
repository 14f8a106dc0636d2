package spoken

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var ordinals = map[string]int{
	"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
	"tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
	"seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
	"fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
}

var months = map[string]time.Month{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8,
	"september": 9, "october": 10, "november": 11, "december": 12,
	"jan": 1, "feb": 2, "apr": 4, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}

// MonthOf returns the month that word names in full or in short, 0 for none.
func MonthOf(word string) time.Month { return months[strings.TrimSuffix(word, ".")] }

// Ordinal reads "third", "twenty first", "twenty-first", "21st".
func Ordinal(words []string) (int, int) {
	w := word(words, 0)
	if v := ordinals[w]; v > 0 {
		return v, 1
	}
	if v := tens[w]; v > 0 {
		if o := ordinals[word(words, 1)]; o > 0 && o < 10 {
			return int(v) + o, 2
		}
	}
	if t, o, ok := strings.Cut(w, "-"); ok && tens[t] > 0 && ordinals[o] > 0 && ordinals[o] < 10 {
		return int(tens[t]) + ordinals[o], 1
	}
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		if d, ok := strings.CutSuffix(w, suffix); ok && d != "" && len(d) < 4 && allDigits(d) {
			v, err := strconv.Atoi(d)
			if err == nil && v > 0 {
				return v, 1
			}
		}
	}
	return 0, 0
}

// Year reads a year from 1700 to 2099: "twenty twenty six", "nineteen oh
// five", "two thousand and six", "nineteen hundred", "2026".
func Year(words []string) (int, int) {
	w := word(words, 0)
	if len(w) == 4 && allDigits(w) {
		y, err := strconv.Atoi(w)
		if err == nil && y >= 1700 && y < 2100 {
			return y, 1
		}
		return 0, 0
	}
	if w == "two" && word(words, 1) == "thousand" {
		n := 2
		if word(words, n) == "and" {
			n++
		}
		if v, k := Below100(words[min(n, len(words)):]); k > 0 && v > 0 && word(words, n+k) != "hundred" {
			return 2000 + int(v), n + k
		}
		return 2000, 2
	}
	century, n := Below100(words[:min(1, len(words))])
	if n == 0 || century < 17 || century > 20 {
		return 0, 0
	}
	switch next := word(words, 1); {
	case next == "hundred" && century < 20:
		return int(century) * 100, 2
	case next == "oh" || next == "o":
		if u, ok := units[word(words, 2)]; ok && u > 0 {
			return int(century)*100 + int(u), 3
		}
	default:
		if v, k := Below100(words[1:]); k > 0 && v >= 10 && word(words, 1+k) != "hundred" {
			return int(century)*100 + int(v), 1 + k
		}
	}
	return 0, 0
}

// Date is a day, or a month with a year. A zero field was not said.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ISO returns "2026-03-03", "--03-03" without a year and "2026-03" without a
// day.
func (d Date) ISO() string {
	switch {
	case d.Year == 0:
		return fmt.Sprintf("--%02d-%02d", int(d.Month), d.Day)
	case d.Day == 0:
		return fmt.Sprintf("%04d-%02d", d.Year, int(d.Month))
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// valid reports whether the calendar has the day.
func (d Date) valid() bool {
	year := d.Year
	if year == 0 {
		year = 2000 // a leap year, for 29 February
	}
	t := time.Date(year, d.Month, max(d.Day, 1), 0, 0, 0, 0, time.UTC)
	return t.Month() == d.Month && d.Day <= 31
}

// ParseDate reads a date: "march third twenty twenty six", "march the third",
// "the third of march", "march 3 2026", "march twenty twenty six",
// "2026-03-03", and "3/14/2026" in the American order. "may" and "march" are
// also verbs: alone with an ordinal they need prev, the word before, to be
// one that leads to a date.
func ParseDate(prev string, words []string) (Date, int) {
	if d, ok := numericDate(word(words, 0)); ok {
		return d, 1
	}
	n := 0
	if word(words, 0) == "the" {
		n = 1
	}
	if day, k := Ordinal(words[min(n, len(words)):]); k > 0 && word(words, n+k) == "of" && months[word(words, n+k+1)] > 0 {
		d := Date{Month: months[word(words, n+k+1)], Day: day}
		return withYear(d, words, n+k+2)
	}
	month := MonthOf(word(words, 0))
	if month == 0 {
		return Date{}, 0
	}
	n = 1
	if y, k := Year(words[1:]); k > 0 {
		return Date{Year: y, Month: month}, 1 + k
	}
	if word(words, n) == "the" {
		n++
	}
	day, k := Ordinal(words[min(n, len(words)):])
	if k == 0 && n == 1 {
		day, k = dayNumber(words[1:])
	}
	if k == 0 {
		return Date{}, 0
	}
	d, m := withYear(Date{Month: month, Day: day}, words, n+k)
	if verb := words[0] == "may" || words[0] == "march"; verb && d.Year == 0 && !leadsToDate[prev] && !startsWithDigit(words[1]) {
		return Date{}, 0
	}
	return d, m
}

var leadsToDate = map[string]bool{
	"on": true, "by": true, "in": true, "until": true, "till": true, "since": true, "before": true, "after": true,
	"from": true, "of": true, "is": true, "was": true, "to": true, "through": true, "this": true, "last": true,
	"next": true, "due": true, "and": true, "or": true, "monday": true, "tuesday": true, "wednesday": true,
	"thursday": true, "friday": true, "saturday": true, "sunday": true,
}

// dayNumber reads a day of the month as a cardinal: "march three", "march 14".
func dayNumber(words []string) (int, int) {
	w := word(words, 0)
	if len(w) > 0 && len(w) < 3 && allDigits(w) {
		v, err := strconv.Atoi(w)
		if err == nil && v > 0 && v < 32 {
			return v, 1
		}
		return 0, 0
	}
	v, n := Below100(words)
	if n == 0 || v == 0 || v > 31 || word(words, n) == "hundred" || scales[word(words, n)] > 0 {
		return 0, 0
	}
	return int(v), n
}

func withYear(d Date, words []string, n int) (Date, int) {
	if !d.valid() {
		return Date{}, 0
	}
	m := n
	if word(words, m) == "of" || word(words, m) == "in" {
		m++
	}
	if y, k := Year(words[min(m, len(words)):]); k > 0 {
		with := d
		with.Year = y
		if with.valid() {
			return with, m + k
		}
	}
	return d, n
}

func numericDate(w string) (Date, bool) {
	if !startsWithDigit(w) || len(w) < 6 {
		return Date{}, false
	}
	for _, layout := range []string{"2006-01-02", "1/2/2006", "1/2/06"} {
		if t, err := time.Parse(layout, w); err == nil && t.Year() >= 1700 && t.Year() < 2100 {
			return Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}, true
		}
	}
	return Date{}, false
}

func startsWithDigit(w string) bool { return w != "" && w[0] >= '0' && w[0] <= '9' }
