package analysis

import (
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/spoken"
)

// promises begin what somebody says they will do.
var promises = phrasesOf("i'll", "i will", "we'll", "we will", "i'm going to", "i am going to", "we're going to", "we are going to", "i'm gonna", "i can go ahead and", "let me", "i promise to", "i'd be happy to", "i shall")

// requests begin what somebody is asked to do.
var requests = phrasesOf("can you please", "could you please", "would you please", "can you", "could you", "would you", "will you", "please", "make sure", "don't forget to", "do not forget to", "remember to", "be sure to", "i need you to", "we need you to", "i want you to", "i'd like you to", "i would like you to", "you need to", "you should", "you have to", "you'll need to", "you will need to", "you must")

// obligations begin what has to be done.
var obligations = phrasesOf("we need to", "we have to", "we should", "we must", "i need to", "i have to", "i should", "action item", "next step is", "next steps are", "the plan is to", "it needs to be", "needs to be", "has to be")

// actions are what a person can be held to afterwards.
var actions = spoken.WordSet(`send email mail call ring write check confirm schedule book arrange set follow update review prepare share
forward submit order ship cancel refund fix resolve investigate escalate report file create open close transfer reach contact
get find look pay process finish complete deliver sign draft test deploy upload download replace return invite organize organize
ask tell talk speak discuss provide bring buy add remove change reset note document assign move reschedule credit issue reply respond
text print collect pick drop hand give install try put make start stop bill charge verify submit approve let ping circle sync ensure
upgrade migrate fill record renew waive adjust apply connect notify remind`)

// others begin what somebody else will do.
var others = phrasesOf("he'll", "he will", "he's going to", "she'll", "she will", "she's going to", "they'll", "they will", "they're going to",
	"they are going to", "somebody will", "someone will", "my team will", "our team will", "the team will", "my manager will", "the technician will", "let's", "let us")

// chatter is what looks like an action but is talk within the talk.
var chatter = phrasesOf("let me see", "let me know", "let me think", "let me ask", "let me tell", "i'll tell", "i'll be honest", "i'll say", "can you hear", "can you see", "could you repeat", "can you repeat", "could you say", "can you say", "can you tell me", "could you tell me", "please hold", "please go ahead", "i'll let you", "can you spell", "could you spell", "please wait", "let me look", "let me check", "let me get", "let me put", "let me pull", "i'll ask you", "please note", "can you give me", "could you give me", "please give me", "please tell", "you should know", "i should say", "i have to say", "i must say", "can you try", "can you hold", "could you hold", "please bear", "let's see", "let's say", "let's talk", "let's get back", "let's put")

func phrasesOf(list ...string) [][]string {
	out := make([][]string, len(list))
	for i, p := range list {
		out[i] = strings.Fields(p)
	}
	return out
}

// opening returns the length of the longest of phrases that begins words, 0
// for none.
func opening(words []string, phrases [][]string) int {
	best := 0
	for _, p := range phrases {
		if len(p) <= best || len(p) > len(words) {
			continue
		}
		same := true
		for i := range p {
			if words[i] != p[i] {
				same = false
				break
			}
		}
		if same {
			best = len(p)
		}
	}
	return best
}

// actionItems returns the sentences in which somebody promises an action, is
// asked for one, or says that one must be done.
func (t *talk) actionItems() []api.ActionItem {
	out := []api.ActionItem{}
	for i := range t.sentences {
		s := &t.sentences[i]
		promised, ok := s.action()
		if !ok || len(s.words) < 4 {
			continue
		}
		item := api.ActionItem{Ref: t.ref(s), Text: clip(s.text), Due: due(s.words)}
		if promised {
			item.Owner = item.Speaker
		}
		out = append(out, item)
		if len(out) == maxItems {
			break
		}
	}
	return out
}

// action reports whether s names an action, and whether its speaker promises it.
func (s *sentence) action() (promised, ok bool) {
	for i := range s.words {
		rest := s.words[i:]
		if opening(rest, chatter) > 0 {
			return false, false
		}
		if n := opening(rest, promises); n > 0 && doing(rest[n:], 2) {
			return true, true
		}
		if n := opening(rest, requests); n > 0 && (i == 0 || s.words[i-1] != "if") && doing(rest[n:], 1) {
			return false, true
		}
		if n := max(opening(rest, others), s.named(i)); n > 0 && (i == 0 || !conditions[s.words[i-1]]) && doing(rest[n:], 1) {
			return false, true
		}
		if n := opening(rest, obligations); n > 0 && (doing(rest[n:], 1) || rest[0] == "action" || rest[0] == "next") {
			return false, true
		}
	}
	return false, false
}

// conditions make of what follows a case, and no plan.
var conditions = spoken.WordSet("if when whether unless until once that who")

// named returns how many words from i on say that a person will do something,
// "sarah will" or "sarah is going to", where the text tells names by their
// capitals; 0 for none.
func (s *sentence) named(i int) int {
	n := opening(s.words[min(i+1, len(s.words)):], willDo)
	if n == 0 || stopWord(s.words[i]) || !slices.Contains(s.names, s.words[i]) {
		return 0
	}
	return 1 + n
}

var willDo = phrasesOf("will", "is going to")

// doing reports whether an action is among the first words, after at most
// so many others ("also", "go ahead and").
func doing(words []string, others int) bool {
	for i, w := range words {
		if actions[w] {
			return i == 0 || w != "look" && w != "let"
		}
		switch w {
		case "also", "just", "then", "definitely", "please", "go", "ahead", "and", "be", "sure", "to", "that", "you", "personally":
			continue
		}
		if others--; others < 0 || w == "not" || w == "never" {
			return false
		}
	}
	return false
}

var dayWords = spoken.WordSet("today tonight tomorrow monday tuesday wednesday thursday friday saturday sunday noon midnight")

var spanWords = spoken.WordSet("week month quarter year morning afternoon evening weekend day days weeks months hours minutes hour")

// due returns when something is due, as said: "by friday", "next week".
func due(words []string) string {
	for i, w := range words {
		rest := words[i+1:]
		switch {
		case (w == "by" || w == "before" || w == "until" || w == "on") && len(rest) > 0:
			if n := dueLength(rest); n > 0 {
				return strings.Join(words[i:i+1+n], " ")
			}
		case (w == "next" || w == "this") && len(rest) > 0 && (dayWords[rest[0]] || spanWords[rest[0]]):
			return w + " " + rest[0]
		case (w == "within" || w == "in") && len(rest) > 1 && spanWords[rest[1]] && rest[0] != "the":
			return strings.Join(words[i:i+3], " ")
		}
	}
	for i, w := range words {
		if w == "today" || w == "tonight" || w == "tomorrow" {
			if i+1 < len(words) && spanWords[words[i+1]] {
				return w + " " + words[i+1]
			}
			return w
		}
	}
	return ""
}

func dueLength(rest []string) int {
	switch {
	case dayWords[rest[0]]:
		if len(rest) > 1 && spanWords[rest[1]] {
			return 2
		}
		return 1
	case (rest[0] == "next" || rest[0] == "this") && len(rest) > 1 && (dayWords[rest[1]] || spanWords[rest[1]]):
		return 2
	case rest[0] == "end" && len(rest) > 1 && rest[1] == "of":
		n := 2
		for n < len(rest) && n < 4 && (rest[n] == "the" || rest[n] == "next" || rest[n] == "this" || rest[n] == "business") {
			n++
		}
		if n < len(rest) && spanWords[rest[n]] {
			return n + 1
		}
	case rest[0] == "the" && len(rest) > 3 && rest[1] == "end" && rest[2] == "of":
		if n := dueLength(rest[1:]); n > 0 {
			return n + 1
		}
	}
	return dateLength(rest)
}
