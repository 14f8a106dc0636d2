package main

import (
	"encoding/binary"
	"math"
)

// A mixer makes one channel of several. Two channels of which one is the
// inverse of the other, as a wrongly soldered cable makes them, would cancel:
// such a one is inverted again before it is added.
// A channel in which nothing is to be heard takes no part.
type mixer struct {
	channels []mixChannel
	block    []int16 // interleaved, being filled
	out      []byte
	turned   int // blocks in which a channel was inverted
	blocks   int
	write    func([]byte) error
}

// mixChannel is one of the channels of a mixer.
type mixChannel struct {
	weight   float32 // among those that are heard
	heard    bool    // something has been heard in it
	inverted bool
	gain     float32 // in the block before, below zero where it was inverted
	match    float64 // how much it is like the sum of those before it: -1 to 1, smoothed
}

const (
	mixBlock = sampleRate / 2 // samples per channel that are judged together
	mixFade  = sampleRate / 100
	// A channel is inverted from the first on, and no longer from the second.
	invertBelow = -0.6
	invertUntil = -0.1
	// mixSilent is the mean square of what is no sound: -78 dB.
	mixSilent = 16
)

func newMixer(weights []float32, write func([]byte) error) *mixer {
	m := &mixer{channels: make([]mixChannel, len(weights)), write: write}
	for i, w := range weights {
		m.channels[i].weight = w
	}
	return m
}

// add takes interleaved 16-bit samples of whole frames.
func (m *mixer) add(b []byte) error {
	for ; len(b) >= 2; b = b[2:] {
		m.block = append(m.block, int16(binary.LittleEndian.Uint16(b)))
		if len(m.block) == mixBlock*len(m.channels) {
			if err := m.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush mixes and writes what was added.
func (m *mixer) flush() error {
	frames := len(m.block) / len(m.channels)
	if frames == 0 {
		return nil
	}
	total := m.listen(frames)
	sum := make([]float32, frames)
	turned := false
	for i := range m.channels {
		c := &m.channels[i]
		if c.weight == 0 || !c.heard {
			continue
		}
		if i > 0 {
			m.decideInverse(i, sum)
		}
		turned = turned || c.inverted
		m.addChannel(sum, i, c.weight/total)
	}
	m.blocks++
	if turned {
		m.turned++
	}
	m.out = m.out[:0]
	for _, v := range sum {
		m.out = binary.LittleEndian.AppendUint16(m.out, uint16(int16(max(-32768, min(32767, math.Round(float64(v)))))))
	}
	m.block = m.block[:0]
	return m.write(m.out)
}

// listen finds out in which channels something is heard, and returns the sum of
// their weights.
func (m *mixer) listen(frames int) (total float32) {
	for i := range m.channels {
		c := &m.channels[i]
		if !c.heard {
			power := 0.0
			for k := i; k < len(m.block); k += len(m.channels) {
				power += float64(m.block[k]) * float64(m.block[k])
			}
			c.heard = power >= mixSilent*float64(frames)
		}
		if c.heard {
			total += c.weight
		}
	}
	return total
}

// decideInverse decides whether channel i is the inverse of the sum so far.
func (m *mixer) decideInverse(i int, sum []float32) {
	c := &m.channels[i]
	var own, other, both float64
	for k, v := range sum {
		w := float64(m.block[k*len(m.channels)+i])
		own += w * w
		other += float64(v) * float64(v)
		both += w * float64(v)
	}
	if own < mixSilent*float64(len(sum)) || other < float64(len(sum)) {
		return
	}
	match := both / math.Sqrt(own*other)
	c.match += (match - c.match) / 2
	switch {
	case c.match < invertBelow, match < -0.9:
		c.inverted = true
	case c.match > invertUntil:
		c.inverted = false
	}
}

// addChannel adds channel i to sum with that gain, and fades where it changes.
func (m *mixer) addChannel(sum []float32, i int, gain float32) {
	c := &m.channels[i]
	if c.inverted {
		gain = -gain
	}
	from := c.gain
	if m.blocks == 0 {
		from = gain
	}
	c.gain = gain
	for k := range sum {
		g := gain
		if k < mixFade && from != gain {
			g = from + (gain-from)*float32(k)/mixFade
		}
		sum[k] += g * float32(m.block[k*len(m.channels)+i])
	}
}
