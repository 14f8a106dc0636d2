package main

import (
	"encoding/binary"
	"runtime"
	"slices"
)

// progressEvery is how much audio passes between two reports of progress in a
// stretch without speech.
const progressEvery = 30 * sampleRate

// sink takes the samples of one file as the decoder gives them, and hands the
// pieces with speech to the crew.
type sink struct {
	j        *job
	channels []*listener
	reported int64
}

// listener is what hears one channel.
type listener struct {
	window    []float32 // being filled
	detector  *detector
	segmenter *segmenter
	bleed     *bleed // from the other channel; nil where there is none
}

func newSink(j *job) *sink {
	s := &sink{j: j}
	for c := range j.channels {
		seg := &segmenter{channel: c, emit: j.hand}
		for _, at := range j.task.Changes {
			seg.changes = append(seg.changes, int64(at*sampleRate))
		}
		l := &listener{window: make([]float32, 0, window), detector: j.w.ears[c], segmenter: seg}
		if j.channels == 2 {
			l.bleed = newBleed()
		}
		s.channels = append(s.channels, l)
	}
	return s
}

// pcm takes interleaved 16-bit samples. It waits while the crew is behind.
func (s *sink) pcm(b []byte) error {
	select {
	case <-s.j.failed:
		return errStopped
	default:
	}
	n := len(s.channels)
	frames := len(b) / (2 * n)
	for len(b) >= 2*n {
		for c, l := range s.channels {
			v := int16(binary.LittleEndian.Uint16(b[2*c:]))
			l.window = append(l.window, float32(v)/32768)
		}
		b = b[2*n:]
		if len(s.channels[0].window) == window {
			s.hear()
		}
	}
	j := s.j
	j.w.steps.Add(1)
	j.mu.Lock()
	j.decoded += int64(frames)
	decoded := j.decoded
	j.mu.Unlock()
	if decoded-s.reported >= progressEvery {
		s.reported = decoded
		j.progress("recognise")
	}
	return nil
}

// hear passes the full windows on. Two channels that are the same are one
// speaker recorded twice: the second is not heard. Neither is what leaks from
// one into the other.
func (s *sink) hear() {
	for c, l := range s.channels {
		twin := c > 0 && slices.Equal(l.window, s.channels[0].window)
		s.j.differ = s.j.differ || c > 0 && !twin
		speech, late := s.ask(l, s.channels[len(s.channels)-1-c], twin)
		l.segmenter.add(l.window, speech, late)
	}
	for _, l := range s.channels {
		l.window = l.window[:0]
	}
}

// ask asks who listens to l whether somebody speaks there and by how many
// samples the answer is late, and counts what that costs.
func (s *sink) ask(l, other *listener, twin bool) (speech bool, late int64) {
	runtime.LockOSThread() // whose time is counted
	defer runtime.UnlockOSThread()
	began := threadSeconds()
	speech = !twin && l.detector.hear(l.window)
	if l.bleed != nil {
		l.bleed.add(l.window, other.window)
		speech, late = l.bleed.spoken(speech)
	}
	s.j.stats.Detect += threadSeconds() - began
	return speech, late
}

// finish ends the audio: the last window is filled up with silence.
func (s *sink) finish() {
	if len(s.channels[0].window) > 0 {
		for _, l := range s.channels {
			l.window = append(l.window, make([]float32, window-len(l.window))...)
		}
		s.hear()
	}
	s.j.mu.Lock()
	total := s.j.decoded
	s.j.mu.Unlock()
	for _, l := range s.channels {
		l.segmenter.finish(total)
	}
}

// hand gives p to the crew and to the queue of answers, in this order of
// calls. It waits while both are behind.
func (j *job) hand(p piece) {
	a := &assignment{piece: p, answer: make(chan struct{})}
	j.mu.Lock()
	j.pending++
	j.mu.Unlock()
	select {
	case j.w.crew.work <- a:
	case <-j.failed:
		return
	case <-j.w.crew.bad:
	}
	j.order <- a
}
