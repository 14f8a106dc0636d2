package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	sherpa "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// Telling voices apart needs the whole recording at once, 64 kB a second. The
// number of windows that are compared, each with each, is kept down by looking
// less often at long recordings: together they stay below 600 MB.
const (
	voicesMost = 2 * 3600.0 // seconds of audio
	voicesLong = 1800.0     // from here on windows follow each other less closely
)

// Settings of the diarization, in seconds and as the library counts them.
const (
	closeWindows    = 0.1 // of a window's length from one to the next
	looseWindows    = 0.25
	voiceDistance   = 0.5 // above which two voices are two
	shortestVoice   = 0.3
	shortestSilence = 0.5
)

// turns finds out who speaks when in the file of t. The recognizers give their
// memory back for it.
func (w *worker) turns(t *engine.Task) error {
	model := t.Model
	if err := checkFiles(model, "segmentation", "embedding"); err != nil {
		return modelFault(err)
	}
	w.unload()
	defer debug.FreeOSMemory()
	tell := func(stage string, h header) {
		p := &api.Progress{Stage: stage, DurationSeconds: round(h.Seconds)}
		w.report(engine.Report{Type: engine.ReportProgress, Job: t.ID, Progress: p})
	}
	tell("decode", header{})
	var silent []int
	for track := t.Track; ; {
		samples, head, end, err := w.whole(t, track)
		if err != nil {
			return err
		}
		tell("speakers", head)
		turns, err := diarize(model, samples, t.Voices)
		if err != nil {
			return modelFault(err)
		}
		silent = append(silent, head.Track)
		if next := nextTrack(t.Track, head.Tracks, silent); len(turns) == 0 && next != 0 {
			track = strconv.Itoa(next)
			continue
		}
		w.report(engine.Report{Type: engine.ReportDone, Job: t.ID, Duration: seconds(end.Samples), Turns: turns})
		return nil
	}
}

// whole decodes a track of the file of t into memory, mixed.
func (w *worker) whole(t *engine.Task, track string) (samples []float32, head header, end decodeResult, err error) {
	limited := *t
	limited.Channels = ""
	if t.MaxSeconds <= 0 || t.MaxSeconds > voicesMost {
		limited.MaxSeconds = voicesMost
	}
	// Reserved, not used: the pages come with the audio.
	samples = make([]float32, 0, int(limited.MaxSeconds*sampleRate)+sampleRate)
	announced := func(h header) error { head = h; return nil }
	end, err = w.decode(&limited, track, announced, func(b []byte) error {
		for ; len(b) >= 2; b = b[2:] {
			samples = append(samples, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
		}
		w.steps.Add(1)
		return nil
	})
	switch {
	case err != nil:
	case end.Over && limited.MaxSeconds != t.MaxSeconds:
		err = fault(api.JobTooLong, "speakers are told apart in recordings of at most %s, and this one is longer: split it, or leave speakers out", duration(voicesMost))
	default:
		if f := classify(&limited, head, end); f != nil {
			err = f
		}
	}
	return samples, head, end, err
}

// diarize returns who speaks when in samples, which is not empty: so many
// voices, or as many as are heard where voices is 0.
func diarize(m engine.Model, samples []float32, voices int) ([]engine.Turn, error) {
	c := &sherpa.OfflineSpeakerDiarizationConfig{MinDurationOn: shortestVoice, MinDurationOff: shortestSilence}
	c.Segmentation.Pyannote.Model = m.Files["segmentation"]
	c.Segmentation.Pyannote.WindowShiftRatio = closeWindows
	if seconds(int64(len(samples))) > voicesLong {
		c.Segmentation.Pyannote.WindowShiftRatio = looseWindows
	}
	c.Segmentation.NumThreads, c.Segmentation.Provider = runtime.NumCPU(), "cpu"
	c.Embedding = sherpa.SpeakerEmbeddingExtractorConfig{Model: m.Files["embedding"], NumThreads: runtime.NumCPU(), Provider: "cpu"}
	c.Clustering = sherpa.FastClusteringConfig{NumClusters: voices, Threshold: voiceDistance}
	d := sherpa.NewOfflineSpeakerDiarization(c)
	if d == nil {
		return nil, fmt.Errorf("model %s could not be loaded; check it with: voxparse models verify %s", m.Name, m.Name)
	}
	defer sherpa.DeleteOfflineSpeakerDiarization(d)
	if rate := d.SampleRate(); rate != sampleRate {
		return nil, errors.New("model " + m.Name + " is for another sample rate than 16 kHz")
	}
	found := d.Process(samples)
	turns := make([]engine.Turn, 0, len(found))
	for _, s := range found {
		turns = append(turns, engine.Turn{Start: round(float64(s.Start)), End: round(float64(s.End)), Speaker: s.Speaker})
	}
	return turns, nil
}
