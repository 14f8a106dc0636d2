package main

import (
	"strings"

	"github.com/voxparse/voxparse/api"
)

// sentences cuts parts at those of their pauses at which a sentence ends, so
// that each becomes a segment of its own. Parts without word times stay whole.
func sentences(parts []part) (out []part) {
	for _, p := range parts {
		words := p.heard.words
		if len(strings.Fields(p.heard.text)) != len(words) {
			out = append(out, p)
			continue
		}
		offset := seconds(p.feedStart)
		for _, q := range p.pauses {
			k := 0
			for k < len(words) && words[k].Start+offset < seconds(q.start)+pauseSlack {
				k++
			}
			if k == 0 || k == len(words) || !endsSentence(words[k-1].Text) {
				continue
			}
			first := p
			first.end, first.heard = q.start, p.heard.of(words[:k])
			p.start, p.heard = q.end, p.heard.of(words[k:])
			words = words[k:]
			out = append(out, first)
		}
		out = append(out, p)
	}
	return out
}

// endsSentence reports whether a sentence ends with the word.
func endsSentence(word string) bool {
	return strings.ContainsAny(word[len(word)-1:], ".?!")
}

// of is what is left of h with some of its words.
func (h heard) of(words []api.Word) heard {
	text := make([]string, len(words))
	sum, known := 0.0, 0
	for i, w := range words {
		text[i] = w.Text
		if w.Confidence != nil {
			sum, known = sum+*w.Confidence, known+1
		}
	}
	h.text, h.words, h.confidence = strings.Join(text, " "), words, nil
	if known > 0 {
		c := hundredths(sum / float64(known))
		h.confidence = &c
	}
	return h
}
