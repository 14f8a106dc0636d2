package main

// Crosstalk: a channel that is heard in another comes out there quieter and a
// little later, by air from one headset to the next or by an echo on the line.
// Whoever speaks in it would then be heard twice, as two speakers.
const (
	crosstalkRate  = sampleRate / 2
	crosstalkBlock = crosstalkRate * 128 / 1000 // what is compared at a time
	crosstalkEarly = crosstalkRate * 4 / 1000   // how far the copy may run ahead, by the doing of a codec
	crosstalkLate  = crosstalkRate * 60 / 1000  // how far it may lag behind

	// copyShare is the least share of a block's power that a copy makes up.
	copyShare = 0.4
	// copyLoss is how much weaker a copy is at least, in power: 3 dB.
	copyLoss = 0.5
	// copyUsual is how much of the share that is usual between two channels a
	// copy makes up at least: with less of it somebody speaks over it.
	copyUsual = 0.75
	// copyExcess is how much more power than usual a copy may have: with more
	// of it somebody speaks over it.
	copyExcess = 3
	// copyCertain is the share from which on a block shows what is usual.
	copyCertain = 0.7
	// copyDoubt is for how many windows there must be speech that is no copy
	// until a channel with crosstalk counts as speaking itself: a copy drowns
	// in noise now and then.
	copyDoubt = 8
	// copyRest is for how many windows of the same speech no other delay is
	// tried after none was found: a copy is known by its first word.
	copyRest = 3
)

// crosstalk says whether what is heard in one of several channels comes from
// another.
type crosstalk struct {
	channels []crosstalkChannel
}

// crosstalkChannel is one of the channels.
type crosstalkChannel struct {
	latest []float32 // samples, at half the rate and without their low tones
	last   float32
	copies bool // the last speech was a copy
	doubt  int  // windows of speech since then that were none
	from   []crosstalkPath
}

// crosstalkPath is how one channel is heard in another.
type crosstalkPath struct {
	delay int     // of the copy that was found last, in samples after crosstalkEarly before
	loss  float32 // its usual power, as a share of the other's; 0: not known
	share float32 // its usual share of a block's power
	rest  int     // windows for which no other delay is tried
}

func newCrosstalk(channels int) *crosstalk {
	x := &crosstalk{channels: make([]crosstalkChannel, channels)}
	for i := range x.channels {
		c := &x.channels[i]
		c.latest = make([]float32, crosstalkBlock+crosstalkEarly+crosstalkLate)
		c.from = make([]crosstalkPath, channels)
	}
	return x
}

// add takes the next window of channel i. Every channel is given before any is
// asked about.
func (x *crosstalk) add(i int, w []float32) {
	c := &x.channels[i]
	c.last = shift(c.latest, w, c.last)
}

// spoken reports whether somebody speaks in channel i itself, where the
// detector hears speech in it, and by how many samples this comes late.
func (x *crosstalk) spoken(i int, speech bool) (own bool, late int64) {
	c := &x.channels[i]
	switch {
	case !speech:
		for k := range c.from {
			c.from[k].rest = 0
		}
		return false, 0
	case x.copied(i):
		c.copies, c.doubt = true, 0
		return false, 0
	case !c.copies:
		return true, 0
	}
	if c.doubt++; c.doubt < copyDoubt {
		return false, 0
	}
	c.copies = false
	return true, (copyDoubt - 1) * window
}

// copied reports whether most of the latest block of channel i is a copy of
// another channel.
func (x *crosstalk) copied(i int) bool {
	c := &x.channels[i]
	own := c.latest[crosstalkLate : crosstalkLate+crosstalkBlock]
	power := dot(own, own)
	if power == 0 {
		return false
	}
	for k := range x.channels {
		other := x.channels[k].latest
		if k == i || power > copyLoss*dot(other, other) {
			continue
		}
		if c.from[k].find(own, other, power) {
			return true
		}
	}
	return false
}

// find reports whether own, of that power, is a copy of other by this path: at
// the delay that was found last, or at any.
func (p *crosstalkPath) find(own, other []float32, power float32) bool {
	if p.matches(own, other, power, p.delay) {
		return true
	}
	if p.rest > 0 {
		p.rest--
		return false
	}
	for delay := range crosstalkEarly + crosstalkLate + 1 {
		if p.matches(own, other, power, delay) {
			p.delay = delay
			return true
		}
	}
	p.rest = copyRest
	return false
}

// matches reports whether own, of that power, is what the other channel was so
// many samples before, as weak a copy as is usual.
func (p *crosstalkPath) matches(own, other []float32, power float32, delay int) bool {
	from := crosstalkEarly + crosstalkLate - delay
	other = other[from : from+crosstalkBlock]
	loud := dot(other, other)
	if power > copyLoss*loud {
		return false
	}
	both := dot(own, other)
	share := both * both / (power * loud)
	if share <= max(copyShare, copyUsual*p.share) {
		return false
	}
	if p.loss > 0 && power > copyExcess*p.loss*loud {
		return false
	}
	p.learn(power/loud, share)
	return true
}

// learn takes a copy into what is usual. A weaker one than usual counts most:
// over the others somebody may have spoken.
func (p *crosstalkPath) learn(loss, share float32) {
	switch {
	case share < copyCertain:
		return
	case p.loss == 0:
		p.loss, p.share = loss, share
		return
	case loss < p.loss:
		p.loss += (loss - p.loss) / 4
	default:
		p.loss += (loss - p.loss) / 16
	}
	p.share += (share - p.share) / 16
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
