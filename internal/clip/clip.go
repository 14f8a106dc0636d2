// Package clip shortens text that somebody else wrote to what there is room
// for.
package clip

import "unicode/utf8"

// Bytes returns the beginning of s, at most max bytes of it, without splitting
// a rune.
func Bytes(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
