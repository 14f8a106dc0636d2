package analysis

import (
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/spoken"
)

// tags are what is asked only for an answer.
var tags = spoken.WordSet("right okay ok yes yeah no huh eh hello really sorry pardon what you know see mean")

// questions returns what was asked: sentences with a question mark, or, where
// the recognizer writes none, those that begin as a question does. "Right?"
// and its like are left out.
func (t *talk) questions() []api.Quote {
	out := []api.Quote{}
	punctuated := false
	for i := range t.result.Segments {
		punctuated = punctuated || strings.ContainsAny(t.result.Segments[i].Text, ".?!")
	}
	for i := range t.sentences {
		s := &t.sentences[i]
		if !(s.asks || !punctuated && spoken.Asks(s.words)) || onlyTags(s.words) {
			continue
		}
		if out = append(out, t.quote(s)); len(out) == maxItems {
			break
		}
	}
	return out
}

func onlyTags(words []string) bool {
	if len(words) > 3 {
		return false
	}
	for _, w := range words {
		if !tags[w] {
			return false
		}
	}
	return true
}
