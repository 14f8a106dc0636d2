package main

// A detector needs some time to make out speech: a clip of two words may be
// over before. A short recording in which it heard nothing, and which is not
// silent, is read all the same, and believed where the model is sure.
const (
	unheardMost  = 10 * sampleRate // longer recordings are as the detector says
	unheardPower = 1e-4            // mean square of its loudest window: -40 dBFS
	unheardScore = -0.3            // mean logarithm of the chance of a token
)

// unheard keeps a channel until somebody speaks in it.
type unheard struct {
	samples []float32
	loudest float64
	done    bool
}

// add takes the next window and whether it is taken for speech.
func (u *unheard) add(w []float32, speech bool) {
	if u.done = u.done || speech || len(u.samples) >= unheardMost; u.done {
		u.samples = nil
		return
	}
	u.samples = append(u.samples, w...)
	u.loudest = max(u.loudest, meanSquare(w))
}

// piece is all of the channel, where it is worth a try.
func (u *unheard) piece(channel int, total int64) (p piece, ok bool) {
	n := min(total, int64(len(u.samples)))
	if u.done || u.loudest < unheardPower || n < tooShort {
		return piece{}, false
	}
	feed := make([]float32, padBefore+int(n)+padAfter)
	copy(feed[padBefore:], u.samples[:n])
	return piece{channel: channel, end: n, feed: feed, lead: padBefore, unheard: true}, true
}

// believe is h if the model is sure of it, else nothing.
func believe(p piece, h heard) heard {
	if h.scored && !looping(h, p.speech()) && h.mean() >= unheardScore {
		return h
	}
	return heard{}
}
