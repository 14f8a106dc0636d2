package main

import (
	"fmt"
	"math"
	"os"

	sherpa "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// The voice activity model looks at windows of this many samples: 32 ms.
const window = 512

// Settings of the voice activity model, in seconds.
const (
	minSilence = 0.1  // of silence before it says that speech has ended
	minSpeech  = 0.07 // of speech before it says that speech has begun
)

const (
	// lateStart is by how many samples a detector reports a start too late.
	lateStart = int64(minSpeech*sampleRate) + 2*window
	// lateEnd is by how many samples it reports an end too late.
	lateEnd = int64(minSilence * sampleRate)
)

// detector says of each window whether somebody speaks. It asks the model
// about the windows that matter only: not about digital silence; about one in
// eight of loud speech, since speech does not end loudly; and not about a dip
// in it that is too short for the model to call it an end.
type detector struct {
	vad      *sherpa.VoiceActivityDetector
	speech   bool
	level    float64   // of the speech so far, mean square, smoothed
	noise    float64   // of what was no speech before it, likewise
	skipped  int       // loud windows taken for speech unasked, since the last that was not
	low      int       // windows since the last loud one
	dip      []float32 // those of them that the model has not been asked about
	asked    int       // windows that the model was asked about
	lookEach bool      // ask about every window
}

// quietSquare is the mean square below which a window is digital silence: no
// speech is as quiet as -80 dBFS.
const quietSquare = 1e-8

// loudShare is how loud a window must be to be taken for more of the same
// speech, as a share of the mean square of the speech before: 10 dB below it.
const loudShare = 0.1

// noiseRatio is how far it must stand out from the noise, as a ratio of mean
// squares: 6 dB.
const noiseRatio = 4

// maxSkipped is how many loud windows in a row are taken for speech unasked.
const maxSkipped = 7

// maxDip is how many windows in a row may be lower before the model is asked,
// about all of them: it would call every one of them speech, by minSilence.
const maxDip = int(lateEnd / window)

// newDetector loads the voice activity model.
func newDetector(model string) (*detector, error) {
	if _, err := os.Stat(model); err != nil {
		return nil, fmt.Errorf("load the voice activity model: %w", err)
	}
	c := &sherpa.VadModelConfig{SampleRate: sampleRate, NumThreads: 1, Provider: "cpu"}
	c.SileroVad = sherpa.SileroVadModelConfig{
		Model: model, Threshold: 0.5, MinSilenceDuration: minSilence, MinSpeechDuration: minSpeech,
		WindowSize: window, MaxSpeechDuration: 1e5, // the segmenter cuts; in samples this must fit 32 bits
	}
	vad := sherpa.NewVoiceActivityDetector(c, 60)
	if vad == nil {
		return nil, fmt.Errorf("the voice activity model %s could not be loaded", model)
	}
	d := &detector{vad: vad}
	d.reset()
	return d, nil
}

// close frees the model.
func (d *detector) close() { sherpa.DeleteVoiceActivityDetector(d.vad) }

// reset forgets the audio so far.
func (d *detector) reset() {
	d.vad.Reset()
	d.vad.Clear()
	*d = detector{vad: d.vad, lookEach: d.lookEach, dip: d.dip[:0], noise: 1} // unknown: as loud as can be
}

// hear reports whether there is speech in w, one window. It lags by lateStart
// and lateEnd.
func (d *detector) hear(w []float32) bool {
	square := meanSquare(w)
	if !d.lookEach {
		if square < quietSquare && !d.speech {
			d.listen(square)
			return false
		}
		if d.speech && d.goesOn(w, square) {
			return true
		}
	}
	d.ask(w)
	if d.speech {
		d.follow(square)
	} else {
		d.level = 0
		d.listen(square)
	}
	return d.speech
}

// follow takes a window of speech into its level.
func (d *detector) follow(square float64) { d.level += (square - d.level) / 32 }

// goesOn reports whether w is more of the same speech for all that its power
// tells, and keeps what the model has to hear if it is not.
func (d *detector) goesOn(w []float32, square float64) bool {
	if square > max(d.level*loudShare, d.noise*noiseRatio) {
		d.low, d.dip = 0, d.dip[:0]
		d.skipped++
		return d.skipped <= maxSkipped
	}
	d.low++
	if d.low > maxDip {
		return false
	}
	d.dip = append(d.dip, w...)
	d.follow(square)
	return true
}

// ask has the model hear the dip, if there is one, and w.
func (d *detector) ask(w []float32) {
	if len(d.dip) > 0 {
		d.asked += len(d.dip) / window
		d.vad.AcceptWaveform(d.dip)
	}
	d.asked++
	d.vad.AcceptWaveform(w)
	d.speech = d.vad.IsSpeech()
	d.drain()
	d.skipped, d.dip = 0, d.dip[:0]
	if !d.speech {
		d.low = 0
	}
}

// listen takes a window without speech for noise. The first sounds of speech
// are among those, so the estimate rises slowly and falls fast.
func (d *detector) listen(square float64) {
	if square > d.noise {
		d.noise += (square - d.noise) / 256
		return
	}
	d.noise += (square - d.noise) / 2
}

// drain makes the library drop the audio that it keeps for us in vain. It
// would copy all of an utterance at each window of it.
func (d *detector) drain() {
	if d.speech {
		d.vad.Flush()
	}
	for !d.vad.IsEmpty() {
		d.vad.Pop()
	}
}

// meanSquare is the power of w.
func meanSquare(w []float32) float64 {
	var sum float32
	for _, v := range w {
		sum += v * v
	}
	if len(w) == 0 || math.IsNaN(float64(sum)) {
		return 0
	}
	return float64(sum) / float64(len(w))
}
