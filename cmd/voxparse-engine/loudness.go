package main

// A detector misses words at times that are as loud as those around them: two
// syllables between pauses, spoken in a hall. What is as loud as the speech a
// moment before, and far louder than the noise, is speech too, for as long as
// a few words take: music and machines go on.
const (
	loudAsSpeech   = 0.1                     // of the power of the speech before: 10 dB below it
	loudAboveNoise = 16                      // times the power of the noise: 12 dB above it
	loudLeast      = 4                       // loud windows that make speech: what a detector takes too
	loudDip        = 3                       // windows between them that are not loud
	loudNear       = 1400 / 32               // windows since the last speech
	loudMost       = 2 * sampleRate / window // windows of speech that the detector has not heard, in a row
)

// loudness tells speech that the detector missed by its power.
type loudness struct {
	level  float64 // of the speech so far, mean square, smoothed
	noise  float64 // of what was none
	since  int     // windows since the last speech
	run    int     // loud windows with no more than dips between them
	low    int     // windows since the last loud one
	missed int     // windows of speech since the detector heard any
}

// hear reports whether there is speech in w, one window, of which the detector
// says heard.
func (l *loudness) hear(w []float32, heard bool) bool {
	square := meanSquare(w)
	if heard {
		if l.level == 0 {
			l.level = square
		}
		l.level += (square - l.level) / 32
		l.since, l.run, l.low, l.missed = 0, 0, 0, 0
		return true
	}
	l.since++
	if square < l.noise || l.noise == 0 {
		l.noise = square
	} else {
		l.noise += (square - l.noise) / 256
	}
	l.low++
	if square >= max(l.level*loudAsSpeech, l.noise*loudAboveNoise, quietSquare) && l.level > 0 {
		l.run, l.low = l.run+1, 0
	} else if l.low > loudDip {
		l.run = 0
	}
	if l.run < loudLeast || l.since > loudNear || l.missed >= loudMost {
		return false
	}
	l.since = 0
	l.missed++
	return true
}
