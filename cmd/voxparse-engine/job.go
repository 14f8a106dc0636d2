package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// job is one file on its way through a worker. The decoder process feeds the
// detectors, they feed the segmenters, those the recognizers; every queue between
// them is short, so that a file of any length passes through in the memory of
// a few pieces.
type job struct {
	w        *worker
	task     *engine.Task
	track    string // to decode: a number, "all", or "" for the file's default
	channels int    // that are heard, each by itself
	began    time.Time
	order    chan *assignment // pieces handed to the recognizers, in order
	failed   chan struct{}    // closed when what is left is to be dropped
	stop     sync.Once
	differ   bool // two channels were seen to differ
	groups   groups

	mu       sync.Mutex
	head     header
	decoded  int64 // samples that the detectors have seen
	settled  int64 // samples before which everything is recognized
	pending  int
	spoken   int     // segments with text
	unclear  int     // pieces of speech in which nothing was understood
	score    float64 // sum of the logarithms of the chances of the tokens
	tokens   int     // how many those are
	language string
	heardIn  map[string]int64 // language → samples of speech, as the model found out
	stats    engine.Stats
}

// transcribe does t. What it returns is why the file was not transcribed; a
// fault of the file is an *engine.Error. Where nobody speaks in the file's
// default track, the others are tried in turn.
func (w *worker) transcribe(t *engine.Task) error {
	language, err := chooseLanguage(t.Model, t.Language)
	if err != nil {
		return err
	}
	var silent []int // tracks in which nothing is said
	unclear := 0     // pieces of speech in them
	for track, began := t.Track, time.Now(); ; {
		j := &job{w: w, task: t, track: track, heardIn: map[string]int64{}, began: began, language: language,
			failed: make(chan struct{}), order: make(chan *assignment, inOrder)}
		end, err := j.run()
		if err != nil {
			return err
		}
		if j.spoken > 0 {
			j.finish(end, silent)
			return nil
		}
		silent, unclear = append(silent, j.head.Track), unclear+j.unclear
		next := nextTrack(t.Track, j.head.Tracks, silent)
		if next == 0 {
			if unclear > 0 {
				return fault(api.JobUnintelligible, "speech was heard and not understood: it is too faint or distorted, or in a language that the model %s does not know", t.Model.Name)
			}
			return noSpeech(j.head.Tracks, len(silent))
		}
		track = strconv.Itoa(next)
	}
}

// run transcribes one track.
func (j *job) run() (decodeResult, error) {
	j.progress("model")
	if err := j.w.prepare(j.task, j.language); err != nil {
		return decodeResult{}, modelFault(err)
	}
	j.progress("decode")
	var delivery error
	var delivered sync.WaitGroup
	delivered.Go(func() { delivery = j.deliver() })
	end, err := j.listen()
	close(j.order)
	delivered.Wait()
	if delivery != nil {
		return end, modelFault(delivery)
	}
	if err != nil {
		return end, err
	}
	if fault := classify(j.task, j.head, end); fault != nil {
		return end, fault
	}
	return end, nil
}

// nextTrack is the first of n tracks that is not among the silent ones; 0 where
// there is none, or where one was asked for.
func nextTrack(asked string, n int, silent []int) int {
	for i := 1; asked == "" && i <= n; i++ {
		if !slices.Contains(silent, i) {
			return i
		}
	}
	return 0
}

// noSpeech is the end of a file with n tracks of which so many were listened to.
func noSpeech(n, tried int) error {
	switch {
	case n > 1 && tried > 1:
		return fault(api.JobNoSpeech, "nobody speaks in any of the %d audio tracks of this recording: nothing to transcribe", n)
	case n > 1:
		return fault(api.JobNoSpeech, "nobody speaks in the audio track that was chosen, of %d: choose another track, or all", n)
	}
	return fault(api.JobNoSpeech, "nobody speaks in this recording: nothing to transcribe")
}

// modelFault is the end of a task whose model cannot be used.
func modelFault(err error) error {
	return &engine.Error{Code: api.JobModelMissing, Message: sentence(err), Transient: true}
}

// finish reports the end.
func (j *job) finish(end decodeResult, silent []int) {
	j.stats.Wall = time.Since(j.began).Seconds()
	j.stats.PeakMemory = peakMemory()
	track := 0
	if j.head.Tracks > 1 {
		track = j.head.Track
	}
	j.w.report(engine.Report{Type: engine.ReportDone, Job: j.task.ID, Duration: round(seconds(end.Samples)),
		Language: j.mostSpoken(), OneVoice: j.channels > 1 && !j.differ, Track: track, Stats: &j.stats,
		LanguageConfidence: j.trust(), Truncated: endsEarly(j.head, end), Notices: append(noticesOf(j.task, j.head, end, silent), j.doubt()...)})
}

// mostSpoken is the language that was asked for or is the model's only one, or
// else the one that it heard longest.
func (j *job) mostSpoken() string {
	best := j.language
	for _, l := range slices.Sorted(maps.Keys(j.heardIn)) {
		if j.language == "" && j.heardIn[l] > j.heardIn[best] {
			best = l
		}
	}
	return best
}

// prepare loads what t needs, unless it is still there from the last task.
func (w *worker) prepare(t *engine.Task, language string) error {
	if w.recognizers == nil || !w.recognizers.fits(t, language) || w.recognizers.err() != nil {
		w.unload()
		if _, err := configuration(t.Model, language); err != nil {
			return err
		}
		w.recognizers = newRecognizerPool(t.Model, language, t.Pin, runtime.NumCPU(), w.gate, &w.steps)
	}
	return w.recognizers.wait()
}

// detect makes so many detectors ready.
func (w *worker) detect(t *engine.Task, channels int) error {
	for len(w.detectors) < channels {
		d, err := newDetector(t.Model.Files["vad"])
		if err != nil {
			return err
		}
		w.detectors = append(w.detectors, d)
	}
	for _, d := range w.detectors {
		d.reset()
	}
	return nil
}

// unload gives the model back.
func (w *worker) unload() {
	if w.recognizers != nil {
		w.recognizers.close()
		w.recognizers = nil
	}
	for _, d := range w.detectors {
		d.close()
	}
	w.detectors = nil
}

// errStopped ends a decode that nobody wants any more.
var errStopped = errors.New("stopped")

// listen decodes the file, finds the speech in it and hands it to the recognizers.
func (j *job) listen() (decodeResult, error) {
	var heard *sink
	open := func(h header) error {
		j.mu.Lock()
		j.head, j.channels = h, h.Channels
		j.mu.Unlock()
		if err := j.w.detect(j.task, h.Channels); err != nil {
			return modelFault(err)
		}
		heard = newSink(j)
		j.progress("transcribe")
		return nil
	}
	end, err := j.w.decode(j.task, j.track, open, func(b []byte) error { return heard.pcm(b) })
	if errors.Is(err, errStopped) {
		return end, nil
	}
	if err == nil && heard != nil {
		heard.finish()
		end.Notices = append(end.Notices, heard.notices()...)
	} else {
		j.flush() // what is in order must be answered
	}
	return end, err
}

// decode has a track of the file of t decoded, in one channel or, where t
// splits them, in all. head is called before the first samples come. What it
// returns is the decoder's fault or that of head or pcm; what the file did is
// in the result.
func (w *worker) decode(t *engine.Task, track string, head func(header) error, pcm func([]byte) error) (decodeResult, error) {
	o := decodeRequest{Path: t.Path, Name: t.Name, Split: t.Channels == api.ChannelsSplit, Track: track, Seconds: t.MaxSeconds}
	var end decodeResult
	err := errGone
	for again := w.child != nil; errors.Is(err, errGone); again = false {
		if w.child == nil {
			child, err := startDecoder(w.cache)
			if err != nil {
				return end, err
			}
			w.child = child
		}
		var started bool
		end, started, err = w.child.decode(context.Background(), o, head, pcm)
		if err != nil || end.Exit != 0 {
			// What a bad file did to it goes with it.
			w.child.stop()
			w.child = nil
		}
		if started || !again { // else it may have died before, without a file
			break
		}
	}
	var known *engine.Error
	switch {
	case errors.Is(err, errStopped), errors.As(err, &known):
		return end, err
	case errors.Is(err, errGone):
		return end, fault(api.JobEngineCrashed, "the decoder ended in the middle of the file: %s", sentence(err))
	case err != nil:
		return end, fmt.Errorf("decode %s: %w", t.Name, err)
	case end.Fault != "":
		return end, fmt.Errorf("decode %s: %s", t.Name, end.Fault)
	case end.Refused != nil:
		return end, &engine.Error{Code: end.Refused.Code, Message: end.Refused.Message}
	}
	return end, nil
}

// deliver reports the segments in order. After a fault it only empties the
// queue.
func (j *job) deliver() error {
	var fault error
	for a := range j.order {
		if fault != nil {
			continue
		}
		select {
		case <-a.answer:
			j.settle(a)
			j.progress("transcribe")
		case <-j.w.recognizers.bad:
			fault = j.w.recognizers.err()
			j.stop.Do(func() { close(j.failed) })
		}
	}
	return fault
}

// settle reports what was heard in one piece.
func (j *job) settle(a *assignment) {
	j.mu.Lock()
	j.pending--
	j.settled = a.piece.end
	j.stats.Recognize += a.seconds
	j.stats.Speech += seconds(a.piece.end - a.piece.start)
	j.stats.Segments++
	if a.mended {
		j.stats.Repeats++
	}
	for _, p := range a.parts {
		if h := p.heard; h.scored && len(h.tokens) > 0 {
			j.score, j.tokens = j.score+h.score, j.tokens+len(h.tokens)+1
		}
	}
	j.mu.Unlock()
	for _, p := range sentences(a.parts) {
		j.mu.Lock()
		if p.heard.text == "" {
			if !a.piece.unheard {
				j.unclear++
			}
			j.mu.Unlock()
			continue
		}
		j.spoken++
		if p.heard.language != "" {
			j.heardIn[p.heard.language] += p.end - p.start
		}
		j.mu.Unlock()
		seg := &api.Segment{Start: round(seconds(p.start)), End: round(seconds(p.end)), Text: p.heard.text, Confidence: p.heard.confidence}
		if j.channels > 1 {
			seg.Speaker = j.head.Labels[a.piece.channel]
		}
		j.w.report(engine.Report{Type: engine.ReportSegment, Job: j.task.ID, Segment: seg, Words: placeWords(p, seg)})
	}
}

// placeWords moves words from the time of the feed to that of the file, into
// their segment and out of its pauses.
func placeWords(p part, seg *api.Segment) []api.Word {
	out := make([]api.Word, 0, len(p.heard.words))
	offset, last := seconds(p.feedStart), seg.Start
	for _, w := range p.heard.words {
		w.Start, w.End = w.Start+offset, w.End+offset
		for _, q := range p.pauses {
			from, to := seconds(q.start), seconds(q.end)
			switch {
			case w.Start >= from && w.Start < to && w.End > to:
				w.Start = to
			case w.Start < from && w.End > from && w.End <= to+pauseSlack:
				w.End = from
			}
		}
		w.Start = round(min(max(w.Start, last), seg.End))
		w.End = round(min(max(w.End, w.Start), seg.End))
		w.Speaker = seg.Speaker
		last = w.Start
		out = append(out, w)
	}
	return out
}

// pauseSlack is by how much a word may seem to reach over the end of the pause
// that follows it, in seconds.
const pauseSlack = 0.1

// progress reports how far the job is.
func (j *job) progress(stage string) {
	j.mu.Lock()
	pos := j.settled
	if j.pending == 0 {
		pos = j.decoded // nothing but silence since
	}
	length := j.head.Seconds
	j.mu.Unlock()
	j.w.report(engine.Report{Type: engine.ReportProgress, Job: j.task.ID, Progress: howFar(stage, pos, length, j.began)})
}

// howFar is the progress of a stage that has come to a sample of a recording,
// which is length seconds long as far as is known, since it began.
func howFar(stage string, sample int64, length float64, began time.Time) *api.Progress {
	p := &api.Progress{Stage: stage, PositionSeconds: round(seconds(sample)), DurationSeconds: round(length)}
	if wall := time.Since(began).Seconds(); wall > 0 {
		p.Speed = math.Round(p.PositionSeconds/wall*10) / 10
	}
	if p.DurationSeconds > 0 {
		p.Percent = math.Round(min(100, 100*p.PositionSeconds/p.DurationSeconds)*10) / 10
	}
	return p
}

// chooseLanguage returns what to tell the model, given what was asked for: the
// language without its region, or the model's own.
func chooseLanguage(m engine.Model, asked string) (string, error) {
	base, _, _ := strings.Cut(strings.ToLower(asked), "-")
	if base == "" || base == "auto" {
		return m.Language, nil
	}
	if m.Language != "" && m.Language != base {
		return "", &engine.Error{Code: api.JobUnsupported, Message: fmt.Sprintf(
			"the model %s recognizes %q, not %q: choose another model, or leave the language out", m.Name, m.Language, asked)}
	}
	if m.Family == "whisper" && !strings.Contains(whisperLanguages, " "+base+" ") { // it would end the process
		return "", &engine.Error{Code: api.JobUnsupported, Message: fmt.Sprintf(
			"the model %s does not know the language %q: choose another model, or leave the language out", m.Name, asked)}
	}
	return base, nil
}

// seconds is the length of so many samples.
func seconds(samples int64) float64 { return float64(samples) / sampleRate }

// round keeps milliseconds.
func round(s float64) float64 { return math.Round(s*1000) / 1000 }
