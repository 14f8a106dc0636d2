package duration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var days = regexp.MustCompile(`^(\d+(?:\.\d+)?)(d|w)`)

// longest is the longest duration that is accepted: a hundred years.
const longest = 36500 * 24 * time.Hour

// Parse reads "30s", "1h30m", "7d" and "2w"; a day is 24 hours. A negative
// duration is an error, and so is one of more than a hundred years.
func Parse(s string) (time.Duration, error) {
	wrong := fmt.Errorf(`got %q, want a duration such as "30s", "5m", "12h" or "7d"`, s)
	rest, sum := strings.TrimSpace(s), time.Duration(0)
	if rest == "" {
		return 0, wrong
	}
	for m := days.FindStringSubmatch(rest); m != nil; m = days.FindStringSubmatch(rest) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil || n > longest.Hours() {
			return 0, wrong
		}
		unit := 24 * time.Hour
		if m[2] == "w" {
			unit *= 7
		}
		if n*float64(unit) > float64(longest-sum) {
			return 0, wrong
		}
		sum += time.Duration(n * float64(unit))
		if rest = rest[len(m[0]):]; rest == "" {
			return sum, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > longest-sum {
		return 0, wrong
	}
	return sum + d, nil
}

// Format writes d so that Parse reads it back exactly, in days where it is two
// whole days or more.
func Format(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
