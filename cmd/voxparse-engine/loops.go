package main

import "strings"

// Limits of what a person can say.
const (
	// maxTokenRate is tokens per second of speech. Fast speech has about six.
	maxTokenRate = 9.0
	// maxRepeats is how often the same words may follow each other. People do
	// say "no, no, no, no"; they do not say it eight times.
	maxRepeats = 4
	// maxPeriod is how many words a loop may have.
	maxPeriod = 16
)

// tail describes words at the end of a text that repeat: the last count*period
// words are the same period words over and over.
type tail struct{ period, count int }

// loops returns the repeated tail of words, if it is more than a person would
// say.
func loops(words []string) (tail, bool) {
	for period := 1; period <= maxPeriod && 2*period <= len(words); period++ {
		count := 1
		for count*period+period <= len(words) && sameWords(words, count*period, period) {
			count++
		}
		limit := maxRepeats
		if period >= 4 {
			limit = 2 // whole phrases
		}
		if count > limit {
			return tail{period, count}, true
		}
	}
	return tail{}, false
}

// sameWords reports whether the period words that end back words before the
// end are those at the end.
func sameWords(words []string, back, period int) bool {
	n := len(words)
	for i := range period {
		if words[n-back-period+i] != words[n-period+i] {
			return false
		}
	}
	return true
}

// plainWords are the words of text, for comparing.
func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return strings.ContainsRune(" \t\n.,!?;:\"()-…", r)
	})
}

// looping reports whether h is a loop, or more than can be said in the time.
// Only a model that makes one token of those before gets into one.
func looping(h heard, seconds float64) bool {
	if !h.generated {
		return false
	}
	if _, ok := loops(plainWords(h.text)); ok {
		return true
	}
	return len(h.tokens) > 8 && float64(len(h.tokens)) > maxTokenRate*seconds
}

// dropLoop returns text with its repeated tail said once.
func dropLoop(text string) string {
	words := plainWords(text)
	t, ok := loops(words)
	if !ok {
		return text
	}
	keep := len(words) - (t.count-1)*t.period
	fields := strings.Fields(text)
	// A field may hold several words ("cold-hearted"): count as plainWords does.
	seen := 0
	for i, f := range fields {
		seen += len(plainWords(f))
		if seen >= keep {
			return strings.Join(fields[:i+1], " ")
		}
	}
	return text
}
