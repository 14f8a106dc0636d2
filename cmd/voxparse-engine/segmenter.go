package main

import "slices"

// What goes into a recognizer, in samples. Unpadded clips loop and invent
// words; more than 25 s at once loop too.
const (
	padBefore = sampleRate * 2 / 10
	padAfter  = sampleRate * 3 / 10
	maxFeed   = sampleRate * 25
	maxSpeech = maxFeed - padBefore - padAfter
	// minSplit is how far into a stretch without a pause it may be cut.
	minSplit = sampleRate * 10
	// leastPiece is the shortest piece that a change of voices cuts off.
	leastPiece = sampleRate * 3 / 10
	// history is kept before speech is reported: it starts a little earlier.
	history = padBefore + int(lateStart) + copyDoubt*window
)

// piece is a stretch of speech that goes to a recognizer as a whole.
type piece struct {
	channel    int
	start, end int64     // samples from the start of the file
	feed       []float32 // the audio with its padding, at most maxFeed
	lead       int       // samples of padding at the start of feed
	pauses     []pause   // in it
	unheard    bool      // no speech, for all that the detector says
}

// pause is a stretch without speech, in samples from the start of the file.
type pause struct{ start, end int64 }

// leastPause is the shortest pause that is kept in mind as a place to cut.
const leastPause = sampleRate * 3 / 10

// segmenter cuts the audio of one channel into pieces, at pauses. It keeps no
// more audio than one piece.
type segmenter struct {
	channel int
	emit    func(piece)

	buf     []float32 // the latest audio
	base    int64     // position of buf[0]
	open    bool      // in a stretch of speech
	start   int64     // where it starts
	voiced  int64     // where the last speech in it ended
	lastEnd int64     // end of the last piece
	cut     bool      // start is a cut within speech: no audio from before it
	changes []int64   // where another voice begins, still to come
	pauses  []pause   // in the open stretch
	quiet   bool      // it has paused
}

// pauseFor returns the pause that ends a piece of so many samples. People stop
// for a second in the middle of a sentence, and a sentence that is cut there
// loses words and gains full stops: short pieces go on over such pauses. The
// longer a piece already is, the shorter the pause at which it is cut, so that
// none has to be cut where there is no pause at all.
func pauseFor(length int64) int64 {
	switch seconds := float64(length) / sampleRate; {
	case seconds < 10:
		return sampleRate * 14 / 10
	case seconds < 16:
		return sampleRate * 6 / 10
	case seconds < 20:
		return sampleRate * 4 / 10
	default:
		return sampleRate * 2 / 10
	}
}

// add takes the next window and whether somebody speaks in it. late is by how
// much more than usual the start of speech comes too late.
func (s *segmenter) add(w []float32, speech bool, late int64) {
	s.buf = append(s.buf, w...)
	pos := s.base + int64(len(s.buf))
	if speech {
		if !s.open {
			s.open, s.cut, s.pauses = true, false, nil
			s.start = max(pos-int64(len(w))-lateStart-late, s.lastEnd, s.base)
		} else if s.quiet {
			p := pause{s.voiced - lateEnd, pos - int64(len(w)) - lateStart - late}
			if p.end-p.start >= leastPause {
				s.pauses = append(s.pauses, p)
			}
		}
		s.voiced = pos
	}
	s.quiet = s.open && !speech
	s.change(pos)
	switch {
	case !s.open:
		s.trim(pos - int64(history))
	case pos-s.voiced+lateEnd >= pauseFor(s.voiced-lateEnd-s.start) && !speech:
		s.close()
	case pos-s.start >= maxSpeech:
		s.split()
	}
}

// change ends the open stretch where another voice has begun in it. It looks
// back from pos, so far that the detector has told the end of speech by then.
func (s *segmenter) change(pos int64) {
	for len(s.changes) > 0 && s.changes[0]+lateEnd+window <= pos {
		at := s.changes[0]
		s.changes = s.changes[1:]
		switch {
		case !s.open || at < s.start+leastPiece:
		case s.voiced-lateEnd <= at:
			s.close()
		default:
			s.send(at, true)
			s.start, s.cut = at, true
			s.keepPauses()
			s.trim(at)
		}
	}
}

// finish ends the audio, which is total samples long: less than was added,
// where the last window had to be filled up.
func (s *segmenter) finish(total int64) {
	if over := s.base + int64(len(s.buf)) - total; over > 0 && over <= int64(len(s.buf)) {
		s.buf = s.buf[:len(s.buf)-int(over)]
		s.voiced = min(s.voiced, total)
	}
	if s.open && s.voiced > s.start {
		s.close()
	}
	s.buf = nil
}

// close emits the open stretch as a piece.
func (s *segmenter) close() {
	end := s.voiced
	if pos := s.base + int64(len(s.buf)); pos > s.voiced {
		end = max(s.voiced-lateEnd, min(s.start+window, s.voiced))
	}
	s.send(end, false)
	s.open = false
	s.trim(s.base + int64(len(s.buf)-history))
}

// split emits the first part of a stretch that got too long, up to its longest
// pause or else its quietest point, and leaves the rest open.
func (s *segmenter) split() {
	var best pause
	for _, p := range s.pauses {
		if p.start >= s.start+minSplit && p.end-p.start > best.end-best.start {
			best = p
		}
	}
	if best.end > 0 {
		s.send(best.start, false)
		s.start, s.cut = best.end, false
		s.keepPauses()
		s.trim(best.end - padBefore)
		return
	}
	from := int(s.start-s.base) + minSplit
	at := s.base + int64(quietest(s.buf, from, len(s.buf)))
	s.send(at, true)
	s.start, s.cut = at, true
	s.keepPauses()
	s.trim(at)
}

// keepPauses forgets the pauses before the open stretch.
func (s *segmenter) keepPauses() {
	s.pauses = slices.DeleteFunc(s.pauses, func(p pause) bool { return p.start < s.start })
}

// send emits what lies between start and end, padded.
func (s *segmenter) send(end int64, cut bool) {
	a, b := int(s.start-s.base), int(end-s.base)
	before, after := 0, 0 // real audio to pad with; the rest is silence
	if !s.cut {
		before = min(padBefore, a)
	}
	if !cut {
		after = min(padAfter, len(s.buf)-b)
	}
	feed := make([]float32, 0, b-a+padBefore+padAfter)
	feed = append(feed, make([]float32, padBefore-before)...)
	feed = append(feed, s.buf[a-before:b+after]...)
	feed = append(feed, make([]float32, padAfter-after)...)
	var pauses []pause
	for _, p := range s.pauses {
		if p.start > s.start && p.end < end {
			pauses = append(pauses, p)
		}
	}
	s.emit(piece{channel: s.channel, start: s.start, end: end, feed: feed, lead: padBefore, pauses: pauses})
	s.lastEnd = end
}

// trim forgets the audio before pos.
func (s *segmenter) trim(pos int64) {
	drop := int(pos - s.base)
	if drop < sampleRate/4 {
		return // not worth the move
	}
	drop = min(drop, len(s.buf))
	n := copy(s.buf, s.buf[drop:])
	s.buf = s.buf[:n]
	s.base += int64(drop)
}

// quietest returns the middle of the quietest fifth of a second of buf between
// from and to.
func quietest(buf []float32, from, to int) int {
	const span, step = sampleRate / 5, sampleRate / 100
	from = max(0, from)
	if to-from < span {
		return (from + to) / 2
	}
	best, at := -1.0, from
	for i := from; i+span <= to; i += step {
		if e := meanSquare(buf[i : i+span]); best < 0 || e < best {
			best, at = e, i
		}
	}
	return at + span/2
}
