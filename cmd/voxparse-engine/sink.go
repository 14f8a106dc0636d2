package main

import (
	"encoding/binary"
	"runtime"
	"slices"

	"github.com/voxparse/voxparse/api"
)

// progressEvery is how much audio passes between two reports of progress in a
// stretch without speech.
const progressEvery = 30 * sampleRate

// sink takes the samples of one file as the decoder gives them, and hands the
// pieces with speech to the recognizers.
type sink struct {
	j         *job
	channels  []*listener
	crosstalk *crosstalk // nil with one channel
	reported  int64
}

// listener is what hears one channel.
type listener struct {
	window    []float32 // being filled
	level     *leveler
	leveled   []float32 // the latest window, raised
	gain      float64   // of it
	detector  *detector
	loudness  loudness // what the detector missed
	segmenter *segmenter
	unheard   unheard // what the detector has not taken for speech
}

func newSink(j *job) *sink {
	s := &sink{j: j}
	for c := range j.channels {
		seg := &segmenter{channel: c, emit: j.hand}
		for _, at := range j.task.Changes {
			seg.changes = append(seg.changes, int64(at*sampleRate))
		}
		l := &listener{window: make([]float32, 0, window), level: &leveler{}, detector: j.w.detectors[c], segmenter: seg}
		s.channels = append(s.channels, l)
	}
	if j.channels > 1 {
		s.crosstalk = newCrosstalk(j.channels)
	}
	return s
}

// pcm takes interleaved 16-bit samples. It waits while the recognizers are behind.
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
			s.level(false)
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
		j.progress("transcribe")
	}
	return nil
}

// level takes the full windows, and hears those before them of which enough is
// known; all of them where the audio has ended.
func (s *sink) level(ended bool) {
	for _, l := range s.channels {
		if len(l.window) > 0 {
			l.level.add(l.window)
			l.window = l.window[:0]
		}
	}
	for s.next(ended) {
	}
}

// next hears the oldest windows. Two channels that are the same are one speaker
// recorded twice: the second is not heard. Neither is crosstalk of one in
// another.
func (s *sink) next(ended bool) bool {
	raw := make([][]float32, len(s.channels))
	for c, l := range s.channels {
		w, from, to, ok := l.level.next(ended)
		if !ok {
			return false
		}
		raw[c], l.leveled, l.gain = w, raise(l.leveled, w, from, to), to
	}
	for c := range raw {
		if s.crosstalk != nil {
			s.crosstalk.add(c, raw[c])
		}
	}
	for c, l := range s.channels {
		twin := slices.ContainsFunc(raw[:c], func(w []float32) bool { return slices.Equal(w, raw[c]) })
		s.j.differ = s.j.differ || c > 0 && !twin
		speech, late := s.ask(c, twin)
		if speech {
			l.level.heard(l.gain)
		}
		l.unheard.add(l.leveled, speech)
		l.segmenter.add(l.leveled, speech, late)
	}
	return true
}

// ask asks who listens to channel c whether somebody speaks there and by how
// many samples the answer is late, and counts what that costs. A twin of
// another channel is not listened to.
func (s *sink) ask(c int, twin bool) (speech bool, late int64) {
	runtime.LockOSThread() // whose time is counted
	defer runtime.UnlockOSThread()
	began := threadSeconds()
	l := s.channels[c]
	speech = !twin && l.loudness.hear(l.leveled, l.detector.hear(l.leveled))
	if s.crosstalk != nil {
		speech, late = s.crosstalk.spoken(c, speech)
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
	}
	s.level(true)
	s.j.mu.Lock()
	total := s.j.decoded
	s.j.mu.Unlock()
	for c, l := range s.channels {
		l.segmenter.finish(total)
		if p, ok := l.unheard.piece(c, total); ok && len(s.channels) == 1 { // of several, one may only hear another
			s.j.hand(p)
		}
	}
	s.j.flush()
}

// notices says what was unusual about the level of the recording.
func (s *sink) notices() []api.Notice {
	levels := make([]*leveler, len(s.channels))
	for c, l := range s.channels {
		levels[c] = l.level
	}
	return levelNotices(levels)
}
