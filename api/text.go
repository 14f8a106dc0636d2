package api

import "strings"

// JoinText returns the text of a result made of segments: their texts with
// one space between, empty ones left out. Whoever changes a segment's text
// sets Result.Text to this again.
func JoinText(segments []Segment) string {
	parts := make([]string, 0, len(segments))
	for i := range segments {
		if t := strings.TrimSpace(segments[i].Text); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}
