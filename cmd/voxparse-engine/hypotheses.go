package main

import (
	"math"
	"slices"
)

// A piece whose first reading is doubtful is read again, cut at its pauses,
// and what scores better is kept.
const (
	// leastScore is the mean logarithm of the chance of a token below which a
	// reading is doubtful. Clear speech has -0.05, a voice in noise -0.3.
	leastScore = -0.5
	// leastTokens is how many tokens a second of speech has at least: less, and
	// some of it was passed over.
	leastTokens = 1.0
	// betterScore is by how much another reading must score better.
	betterScore = 0.05
	// sureScore is the score from which on a reading is kept without another.
	// Below it, the same speech is read once more, louder by againGain, and
	// what scores better by againBetter is kept: which of two words that sound
	// alike is chosen hangs on little.
	sureScore   = -0.12
	againGain   = 1.4
	againBetter = 0.01
	// bareScore is how well a piece must score that says something only without
	// its padding.
	bareScore = -0.7
)

// speech is how much of p is speech, in seconds.
func (p piece) speech() float64 {
	n := p.end - p.start
	for _, q := range p.pauses {
		n -= q.end - q.start
	}
	return seconds(n)
}

// part is all of p, in which h was heard.
func (p piece) part(h heard) part {
	return part{start: p.start, end: p.end, feedStart: p.start - int64(p.lead), heard: h, pauses: p.pauses}
}

// doubtful reports whether h may not be all that is said in p.
func doubtful(p piece, h heard) bool {
	return h.scored && (float64(len(h.tokens)) < leastTokens*p.speech() || h.mean() < leastScore)
}

// mean is the mean logarithm of the chance of a token; less than any where
// nothing was heard.
func (h heard) mean() float64 {
	if len(h.tokens) == 0 {
		return math.Inf(-1)
	}
	return h.score / float64(len(h.tokens)+1)
}

// choose makes the best of p, in which h was heard. A loop is taken apart: at
// the pauses, then in halves. What is doubtful is read again, cut at the
// pauses; without any there is nothing else to try.
func choose(p piece, h heard, rec recognizer) (parts []part, mended bool, err error) {
	if p.unheard {
		return []part{p.part(believe(p, h))}, false, nil
	}
	loop := looping(h, p.speech())
	if !loop && !doubtful(p, h) {
		h, err = again(p, h, rec)
		return []part{p.part(h)}, false, err
	}
	if len(p.pauses) > 0 {
		pieces := atPauses(p)
		heards, err := rec.recognize(feedsOf(pieces))
		if err != nil {
			return nil, false, err
		}
		if loop || better(heards, h) {
			for i, q := range pieces {
				more, _, err := mend(q, heards[i], rec, 1)
				if err != nil {
					return nil, false, err
				}
				parts = append(parts, more...)
			}
			return parts, loop, nil
		}
		return []part{p.part(h)}, false, nil
	}
	if h.scored && len(h.tokens) == 0 {
		h, err = bare(p, rec)
	}
	if err != nil {
		return nil, false, err
	}
	return mend(p, h, rec, 0)
}

// again reads p once more, louder, where the model is not sure of h, and
// returns what scores better.
func again(p piece, h heard, rec recognizer) (heard, error) {
	if !h.scored || h.mean() >= sureScore {
		return h, nil
	}
	q := p
	q.feed = raise(nil, p.feed, againGain, againGain)
	more, err := rec.recognize(feedsOf([]piece{q}))
	if err != nil {
		return heard{}, err
	}
	if looping(more[0], p.speech()) || doubtful(p, more[0]) || more[0].mean() < h.mean()+againBetter || 10*len(more[0].tokens) < 9*len(h.tokens) {
		return h, nil
	}
	return more[0], nil
}

// recorded is which part of p's feed is the recording: the rest is silence that
// we put around it.
func (p piece) recorded() (first, last int) {
	first, last = p.lead, p.lead+int(p.end-p.start)
	if i := slices.IndexFunc(p.feed[:first], isSound); i >= 0 {
		first = i
	}
	for i := len(p.feed); i > last; i-- {
		if isSound(p.feed[i-1]) {
			return first, i
		}
	}
	return first, last
}

func isSound(v float32) bool { return v != 0 }

// bare reads p without its padding, which at times hides a short word: its speech
// alone, and with what the recording has around it but no silence of ours, and
// returns what scores better.
func bare(p piece, rec recognizer) (heard, error) {
	from, to := p.lead, p.lead+int(p.end-p.start)
	feeds, leads := [][]float32{p.feed[from:to]}, []int{from}                          // and where each reading begins in the feed
	if first, last := p.recorded(); last-first > to-from && last-first < len(p.feed) { // something new to read
		feeds, leads = append(feeds, p.feed[first:last]), append(leads, first)
	}
	more, err := rec.recognize(feeds)
	if err != nil {
		return heard{}, err
	}
	var best heard
	lead := 0
	for i, h := range more {
		if !looping(h, p.speech()) && h.mean() >= bareScore && h.mean() > best.mean() {
			best, lead = h, leads[i]
		}
	}
	for i := range best.words { // as if it had been read with its padding
		best.words[i].Start += seconds(int64(lead))
		best.words[i].End += seconds(int64(lead))
	}
	return best, nil
}

// better reports whether parts, read one by one, score better than the whole
// did, and lost nothing of it.
func better(parts []heard, whole heard) bool {
	var tokens, ends int
	var score float64
	for _, h := range parts {
		if looping(h, math.Inf(1)) {
			return false
		}
		if len(h.tokens) > 0 {
			tokens, ends, score = tokens+len(h.tokens), ends+1, score+h.score
		}
	}
	if tokens == 0 || 10*tokens < 8*len(whole.tokens) {
		return false
	}
	return score/float64(tokens+ends) > whole.mean()+betterScore
}

// mend looks at what was heard in p. If that loops, the piece is cut in two at
// its quietest point and each half is tried by itself; a half that still loops
// says its repeated words once.
func mend(p piece, h heard, rec recognizer, depth int) ([]part, bool, error) {
	const maxDepth, minHalf = 2, sampleRate
	if !looping(h, p.speech()) {
		return []part{p.part(h)}, depth > 0, nil
	}
	if depth == maxDepth || p.end-p.start < 2*minHalf {
		h.text = dropLoop(h.text)
		h.words = h.words[:min(len(h.words), len(plainWords(h.text)))]
		return []part{p.part(h)}, true, nil
	}
	speech := p.feed[p.lead : p.lead+int(p.end-p.start)]
	at := quietest(speech, minHalf, len(speech)-minHalf)
	halves := []piece{cutPiece(p, 0, at), cutPiece(p, at, len(speech))}
	heards, err := rec.recognize(feedsOf(halves))
	if err != nil {
		return nil, false, err
	}
	var parts []part
	for i, half := range halves {
		more, _, err := mend(half, heards[i], rec, depth+1)
		if err != nil {
			return nil, false, err
		}
		parts = append(parts, more...)
	}
	return parts, true, nil
}

// feedsOf is what to recognize of pieces.
func feedsOf(pieces []piece) [][]float32 {
	feeds := make([][]float32, len(pieces))
	for i, p := range pieces {
		feeds[i] = p.feed
	}
	return feeds
}

// cutPiece is the part of p's speech between from and to, padded with silence.
func cutPiece(p piece, from, to int) piece {
	feed := make([]float32, padBefore+to-from+padAfter)
	copy(feed[padBefore:], p.feed[p.lead+from:p.lead+to])
	return piece{channel: p.channel, start: p.start + int64(from), end: p.start + int64(to), feed: feed, lead: padBefore}
}

// atPauses is p cut at its pauses, each part padded with what is around it.
func atPauses(p piece) []piece {
	var pieces []piece
	from := p.start
	for i := range len(p.pauses) + 1 {
		to, next := p.end, p.end
		if i < len(p.pauses) {
			to, next = p.pauses[i].start, p.pauses[i].end
		}
		if to > from {
			a := p.lead + int(from-p.start)
			b := p.lead + int(to-p.start)
			feed := make([]float32, padBefore+b-a+padAfter)
			copy(feed[max(0, padBefore-a):], p.feed[max(0, a-padBefore):min(len(p.feed), b+padAfter)])
			pieces = append(pieces, piece{channel: p.channel, start: from, end: to, feed: feed, lead: padBefore})
		}
		from = next
	}
	return pieces
}
