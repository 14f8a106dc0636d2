package analysis

import (
	"strings"

	"github.com/voxparse/voxparse/api"
)

var (
	askers  = setOf("who what when where why how which whose what's where's who's how's when's")
	helpers = setOf("is are was were do does did can could will would should have has had am isn't aren't don't doesn't didn't can't won't wouldn't couldn't haven't hasn't wasn't")
	asked   = setOf("i you he she it we they this that there your my the his her their our anyone anybody someone somebody anything any")
	tags    = setOf("right okay ok yes yeah no huh eh hello really sorry pardon what you know see mean")
	leads   = setOf("so and but okay ok well now then um uh alright also because or just sorry hi hello yeah yes")
)

// questions returns what was asked: sentences with a question mark, or, where
// the recogniser writes none, those that begin as a question does. "Right?"
// and its like are left out.
func (t *talk) questions() []api.Quote {
	out := []api.Quote{}
	punctuated := false
	for i := range t.result.Segments {
		punctuated = punctuated || strings.ContainsAny(t.result.Segments[i].Text, ".?!")
	}
	for i := range t.sentences {
		s := &t.sentences[i]
		if !(s.asks || !punctuated && beginsQuestion(s.words)) || onlyTags(s.words) {
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

func beginsQuestion(words []string) bool {
	for len(words) > 0 && leads[words[0]] {
		words = words[1:]
	}
	if len(words) < 3 {
		return false
	}
	w, next := words[0], words[1]
	switch {
	case strings.HasSuffix(w, "'s") && askers[w]:
		return true
	case askers[w]:
		return helpers[next] || next == "much" || next == "many" || next == "long" || next == "about" || next == "kind" || next == "time"
	}
	return helpers[w] && asked[next]
}
