package main

import (
	"fmt"
	"math"

	"github.com/voxparse/voxparse/api"
)

// How speech is leveled, in decibels relative to full scale and in windows.
// Neither the detector nor a model hears what is 30 dB lower than usual.
const (
	levelTarget = -13.0 // of the loudest fifth of a second around a window
	levelLeast  = -78.0 // what is quieter is no speech
	gainMost    = 46.0
	gainDecay   = 0.99 // of the gain from one window to the next where nothing changes
	// levelHold is how far around a window its loudest sound is looked for:
	// whoever speaks more quietly is raised that long before and after
	// somebody else.
	levelHold = 38 // 1.2 s
	// levelReach is how far around a window sound is looked at to tell speech
	// from a steady noise, which is not raised.
	levelReach  = 62 // 2 s
	levelSteady = 6.0
	levelSmooth = 12 // windows on both sides over which the gain is a mean: 0.4 s
	levelShort  = 2  // windows on both sides over which power is a mean
)

// levelDelay is how many windows a leveler looks ahead.
const levelDelay = levelReach + levelSmooth + levelShort

// leveler raises the speech of one channel to the usual level. Its gain moves
// slowly and never jumps, so that it makes no sound of its own.
type leveler struct {
	windows  [][]float32 // that have not been given out; the first is number out
	squares  []float64   // mean square of each window from number first on
	first    int
	out      int       // number of the next window to give out
	targets  []float64 // gain of each window before smoothing, in dB
	known    int       // how many targets are known
	last     float64   // gain at the end of the window before, in dB
	free     [][]float32
	clipped  int // windows in which the recording is distorted
	loud     int // windows that could be
	speech   int // windows in which somebody speaks
	raisedBy float64
}

// clipAt is from where on a sample counts as cut off, and clipRun how many of
// them in a row.
const (
	clipAt  = 0.998
	clipRun = 3
)

// add takes the next window, which is copied.
func (l *leveler) add(w []float32) {
	var own []float32
	if n := len(l.free); n > 0 {
		own, l.free = l.free[n-1], l.free[:n-1]
	}
	l.windows = append(l.windows, append(own[:0], w...))
	square := meanSquare(w)
	l.squares = append(l.squares, square)
	if square > 1e-3 { // -30 dB
		l.loud++
		if clips(w) {
			l.clipped++
		}
	}
}

// next returns the oldest window as it came and its gain at both ends, once
// enough is known of what follows it or nothing will. The window is the
// leveler's own again at the next call.
func (l *leveler) next(ended bool) (w []float32, from, to float64, ok bool) {
	total := l.first + len(l.squares)
	if l.out == total || !ended && l.out+levelDelay >= total {
		return nil, 0, 0, false
	}
	for l.known < total && l.known <= l.out+levelSmooth {
		l.targets = append(l.targets, l.target(l.known))
		l.known++
	}
	w, l.windows = l.windows[0], l.windows[1:]
	from, to = l.last, l.smoothed()
	if l.out == 0 {
		from = to
	}
	l.last = to
	l.free = append(l.free[:0], w)
	l.out++
	l.forget()
	return w, decibels(from), decibels(to), true
}

// smoothed is the mean gain around the window that is next, in dB.
func (l *leveler) smoothed() float64 {
	base := l.known - len(l.targets) // number of the first target
	from, to := max(l.out-levelSmooth, base), min(l.out+levelSmooth+1, l.known)
	sum := 0.0
	for _, t := range l.targets[from-base : to-base] {
		sum += t
	}
	return sum / float64(to-from)
}

// target is the gain for window n as such, in dB.
func (l *leveler) target(n int) float64 {
	before := 0.0
	if k := len(l.targets); k > 0 {
		before = l.targets[k-1] * gainDecay
	}
	near, loudest, quietest := 0.0, 0.0, math.Inf(1)
	for i := max(n-levelReach, l.first); i <= min(n+levelReach, l.first+len(l.squares)-1); i++ {
		p := l.power(i)
		loudest, quietest = max(loudest, p), min(quietest, p)
		if i >= n-levelHold && i <= n+levelHold {
			near = max(near, p)
		}
	}
	level := 10 * math.Log10(near+1e-12)
	if level < levelLeast || loudest < quietest*math.Pow(10, levelSteady/10) {
		return before
	}
	return min(max(levelTarget-level, 0), gainMost)
}

// power is the mean square around window n.
func (l *leveler) power(n int) float64 {
	from, to := max(n-levelShort, l.first), min(n+levelShort+1, l.first+len(l.squares))
	sum := 0.0
	for _, s := range l.squares[from-l.first : to-l.first] {
		sum += s
	}
	return sum / float64(to-from)
}

// forget drops what no window to come is judged by.
func (l *leveler) forget() {
	const spare = 256
	if drop := l.out - levelReach - levelSmooth - levelShort - l.first; drop > spare {
		l.squares = append(l.squares[:0], l.squares[drop:]...)
		l.first += drop
	}
	if drop := len(l.targets) - 2*levelSmooth - 2; drop > spare {
		l.targets = append(l.targets[:0], l.targets[drop:]...)
	}
}

// heard counts a window in which somebody speaks, at that gain.
func (l *leveler) heard(gain float64) {
	l.speech++
	l.raisedBy += 20 * math.Log10(gain)
}

// raise multiplies w by a gain that goes evenly from one value to another, into
// out.
func raise(out, w []float32, from, to float64) []float32 {
	out = out[:0]
	step := (to - from) / float64(len(w))
	for i, v := range w {
		out = append(out, max(-1, min(1, v*float32(from+step*float64(i)))))
	}
	return out
}

// decibels is a gain of so many dB as a factor.
func decibels(db float64) float64 { return math.Pow(10, db/20) }

// clips reports whether samples in a row are as loud as can be.
func clips(w []float32) bool {
	run := 0
	for _, v := range w {
		if v < clipAt && v > -clipAt {
			run = 0
			continue
		}
		if run++; run == clipRun {
			return true
		}
	}
	return false
}

const (
	quietFrom   = 25.0 // dB that speech is raised by from which on a person is told
	clippedFrom = 0.1  // share of the loud windows that are distorted, likewise
)

// levelNotices says what was unusual about the level of a recording.
func levelNotices(channels []*leveler) (out []api.Notice) {
	speech, raised, clipped, loud := 0, 0.0, 0, 0
	for _, l := range channels {
		speech, raised = speech+l.speech, raised+l.raisedBy
		clipped, loud = clipped+l.clipped, loud+l.loud
	}
	if mean := raised / float64(max(speech, 1)); mean >= quietFrom {
		out = append(out, api.Notice{Code: api.NoticeQuiet, Message: fmt.Sprintf(
			"the speech is very quiet: it was raised by %.0f dB before it was recognized; record closer to the microphone, or louder", mean)})
	}
	if float64(clipped) > clippedFrom*float64(loud) {
		out = append(out, api.Notice{Code: api.NoticeClipped, Message: fmt.Sprintf(
			"the recording is distorted, since it was recorded too loud: %d%% of its loud parts are cut off, and words may be wrong", 100*clipped/loud)})
	}
	return out
}
