package main

// A channel that leaks into another comes out there quieter and a little later:
// by air from one headset to the next, or by an echo on the line. Whoever
// speaks in it would then be heard twice, as two speakers.
const (
	bleedRate  = sampleRate / 2
	bleedBlock = bleedRate * 128 / 1000 // what is compared at a time
	bleedEarly = bleedRate * 4 / 1000   // how far the copy may run ahead, by the doing of a codec
	bleedLate  = bleedRate * 60 / 1000  // how far it may lag behind

	// leakShare is the share of a block's power from which on it is a copy.
	leakShare = 0.4
	// leakLoss is how much weaker a copy is at least, in power: 3 dB.
	leakLoss = 0.5
	// leakDoubt is for how many windows there must be speech that is no copy
	// until a channel that was leaked into counts as speaking itself: a copy
	// drowns in noise now and then.
	leakDoubt = 8
	// leakRest is for how many windows of the same speech no other delay is
	// tried after none was found: a copy is known by its first word.
	leakRest = 3
)

// bleed says whether what is heard in one channel comes from another.
type bleed struct {
	own, other         []float32 // the latest samples, at half the rate and without their low tones
	lastOwn, lastOther float32
	delay              int  // of the copy that was found last, in samples after bleedEarly before
	leaking            bool // the last speech was a copy
	doubt              int  // windows of speech since then that were none
	rest               int  // windows for which no other delay is tried
}

func newBleed() *bleed {
	return &bleed{own: make([]float32, bleedBlock+bleedEarly), other: make([]float32, bleedBlock+bleedEarly+bleedLate)}
}

// add takes the next window of both channels.
func (b *bleed) add(own, other []float32) {
	b.lastOwn = shift(b.own, own, b.lastOwn)
	b.lastOther = shift(b.other, other, b.lastOther)
}

// spoken reports whether somebody speaks in the one channel itself, where the
// detector hears speech in it, and by how many samples this comes late.
func (b *bleed) spoken(speech bool) (own bool, late int64) {
	switch {
	case !speech:
		b.rest = 0
		return false, 0
	case b.copied():
		b.leaking, b.doubt = true, 0
		return false, 0
	case !b.leaking:
		return true, 0
	}
	if b.doubt++; b.doubt < leakDoubt {
		return false, 0
	}
	b.leaking = false
	return true, (leakDoubt - 1) * window
}

// shift moves buf on by the samples of w, at half their rate. What voices have
// most of, low tones, is much the same in all of them: it is taken out.
func shift(buf, w []float32, last float32) float32 {
	n := len(w) / 2
	copy(buf, buf[n:])
	tail := buf[len(buf)-n:]
	for i := range tail {
		v := (w[2*i] + w[2*i+1]) / 2
		tail[i], last = v-0.9*last, v
	}
	return last
}

// copied reports whether most of the latest block of the one channel is a copy
// of the other.
func (b *bleed) copied() bool {
	own := b.own[:bleedBlock]
	power := dot(own, own)
	if power == 0 || power > leakLoss*dot(b.other, b.other) {
		return false
	}
	if b.matches(own, power, b.delay) {
		return true
	}
	if b.rest > 0 {
		b.rest--
		return false
	}
	for delay := range bleedEarly + bleedLate + 1 {
		if b.matches(own, power, delay) {
			b.delay = delay
			return true
		}
	}
	b.rest = leakRest
	return false
}

// matches reports whether own, of that power, is what the other channel was so
// many samples before, as a weaker copy.
func (b *bleed) matches(own []float32, power float32, delay int) bool {
	from := bleedEarly + bleedLate - delay
	other := b.other[from : from+bleedBlock]
	loud := dot(other, other)
	if power > leakLoss*loud {
		return false
	}
	both := dot(own, other)
	return both*both > leakShare*power*loud
}

// dot is the sum of the products of a and b, which are equally long.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for i := 0; i+3 < len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	return s0 + s1 + s2 + s3
}
