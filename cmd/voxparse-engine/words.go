package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// tokenTime is a token as it stands in the text, and when it is said, in
// seconds from the start of what was fed.
type tokenTime struct {
	text       string
	start, end float64
}

// longestToken is how long a token may sound whose end the model does not
// tell, in seconds: after it there may be a pause.
const longestToken = 0.5

// tokenTimes says when each token ends: after its duration where the model
// gives one, else where the next one begins.
func tokenTimes(tokens []string, starts, durations []float32, length float64) []tokenTime {
	out := make([]tokenTime, len(tokens))
	for i, tok := range tokens {
		start, end := float64(starts[i]), length
		if i+1 < len(starts) {
			end = float64(starts[i+1])
		}
		end = min(end, start+longestToken)
		if len(durations) == len(tokens) && durations[i] > 0 {
			end = float64(starts[i] + durations[i])
		}
		out[i] = tokenTime{tok, start, max(start, end)}
	}
	return out
}

// wordsOf times the words of text by its tokens. Families mark in many ways
// where a word begins or goes on ("▁he", " he", "he@@", bytes of a
// character); the text has it all, so the tokens are laid along it. Where they
// do not make up the text there are no times: nil. In a script without spaces
// every character is a word.
func wordsOf(text string, tokens []tokenTime) []api.Word {
	var words []api.Word
	at, fresh := 0, true // fresh: what comes next begins a word
	for _, tok := range tokens {
		rest := strings.TrimSuffix(strings.ReplaceAll(tok.text, "▁", " "), "@@")
		for i := 0; i < len(rest); i++ {
			if rest[i] == ' ' {
				continue
			}
			for at < len(text) && text[at] == ' ' {
				at, fresh = at+1, true
			}
			if at == len(text) || text[at] != rest[i] {
				return nil
			}
			if utf8.RuneStart(text[at]) {
				r, _ := utf8.DecodeRuneInString(text[at:])
				fresh = fresh || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
			}
			if fresh {
				words = append(words, api.Word{Start: tok.start})
				fresh = false
			}
			w := &words[len(words)-1]
			w.Text += rest[i : i+1]
			w.End = max(w.End, tok.end)
			at++
		}
	}
	if strings.TrimSpace(text[at:]) != "" {
		return nil
	}
	return words
}
