package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
)

// job is one file on its way through a worker. The decoder process feeds the
// detectors, they feed the segmenters, those the crew; every queue between
// them is short, so that a file of any length passes through in the memory of
// a few pieces.
type job struct {
	w        *worker
	task     *engine.Task
	channels int
	began    time.Time
	order    chan *assignment // pieces handed to the crew, in order
	failed   chan struct{}    // closed when what is left is to be dropped
	stop     sync.Once
	differ   bool // two channels were seen to differ

	mu       sync.Mutex
	head     header
	decoded  int64 // samples that the detectors have seen
	settled  int64 // samples before which everything is recognised
	pending  int
	spoken   int // segments with text
	language string
	heardIn  map[string]int64 // language → samples of speech, as the model found out
	stats    engine.Stats
}

// transcribe does t. What it returns is why the file was not transcribed; a
// fault of the file is an *engine.Error.
func (w *worker) transcribe(t *engine.Task) error {
	j := &job{w: w, task: t, channels: 1, heardIn: map[string]int64{}, began: time.Now(), failed: make(chan struct{}),
		order: make(chan *assignment, 2*runtime.NumCPU()+2)}
	if t.Channels == "split" {
		j.channels = 2
	}
	language, err := chooseLanguage(t.Model, t.Language)
	if err != nil {
		return err
	}
	j.language = language
	j.progress("model")
	if err := w.prepare(t, language, j.channels); err != nil {
		return &engine.Error{Code: api.JobModelMissing, Message: sentence(err), Transient: true}
	}
	j.progress("decode")
	var delivery error
	var delivered sync.WaitGroup
	delivered.Go(func() { delivery = j.deliver() })
	end, err := j.listen()
	close(j.order)
	delivered.Wait()
	if delivery != nil {
		return &engine.Error{Code: api.JobModelMissing, Message: sentence(delivery), Transient: true}
	}
	if err != nil {
		return err
	}
	if fault := verdict(t.Name, j.head, end, t.MaxSeconds); fault != nil {
		return fault
	}
	if j.spoken == 0 {
		return &engine.Error{Code: api.JobNoSpeech, Message: "nobody speaks in this recording: nothing to transcribe"}
	}
	j.finish(end)
	return nil
}

// finish reports the end.
func (j *job) finish(end ending) {
	j.stats.Wall = time.Since(j.began).Seconds()
	j.stats.PeakMemory = peakMemory()
	j.w.report(engine.Report{Type: engine.ReportDone, Job: j.task.ID, Duration: round(seconds(end.Samples)),
		Language: j.mostSpoken(), OneVoice: j.channels == 2 && !j.differ, Stats: &j.stats})
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
func (w *worker) prepare(t *engine.Task, language string, channels int) error {
	if w.crew == nil || !w.crew.fits(t, language) || w.crew.err() != nil {
		w.unload()
		if _, err := configuration(t.Model, language); err != nil {
			return err
		}
		w.crew = newCrew(t.Model, language, t.Pin, runtime.NumCPU(), w.gate, &w.steps)
	}
	for len(w.ears) < channels {
		ear, err := newDetector(t.Model.Files["vad"])
		if err != nil {
			return err
		}
		w.ears = append(w.ears, ear)
	}
	for _, ear := range w.ears {
		ear.reset()
	}
	return w.crew.wait()
}

// unload gives the model back.
func (w *worker) unload() {
	if w.crew != nil {
		w.crew.close()
		w.crew = nil
	}
	for _, ear := range w.ears {
		ear.close()
	}
	w.ears = nil
}

// errStopped ends a decode that nobody wants any more.
var errStopped = errors.New("stopped")

// listen decodes the file, finds the speech in it and hands it to the crew.
func (j *job) listen() (ending, error) {
	sink := newSink(j)
	end, err := j.w.decode(j.task, j.channels, j.announce, sink.pcm)
	if errors.Is(err, errStopped) {
		return end, nil
	}
	if err == nil {
		sink.finish()
	}
	return end, err
}

// decode has the file of t decoded. What it returns is the decoder's fault or
// that of pcm; what the file did is in the ending.
func (w *worker) decode(t *engine.Task, channels int, head func(header), pcm func([]byte) error) (ending, error) {
	if w.child == nil {
		child, err := startDecoder(w.cache)
		if err != nil {
			return ending{}, err
		}
		w.child = child
	}
	o := decodeOrder{Path: t.Path, Name: t.Name, Channels: channels, Seconds: t.MaxSeconds}
	end, err := w.child.decode(context.Background(), o, head, pcm)
	if err != nil || end.Exit != 0 {
		// What a bad file did to it goes with it.
		w.child.stop()
		w.child = nil
	}
	switch {
	case errors.Is(err, errStopped):
		return end, err
	case errors.Is(err, errHung):
		return end, &engine.Error{Code: api.JobDamaged, Message: "the decoder got stuck in this file: it is damaged; convert it with another program and try again"}
	case errors.Is(err, errGone):
		return end, fault(api.JobEngineCrashed, "%s", err)
	case err != nil:
		return end, fmt.Errorf("decode %s: %w", t.Name, err)
	case end.Fault != "":
		return end, fmt.Errorf("decode %s: %s", t.Name, end.Fault)
	}
	return end, nil
}

// announce takes what the container says of itself.
func (j *job) announce(h header) {
	j.mu.Lock()
	j.head = h
	j.mu.Unlock()
	j.progress("recognise")
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
			j.progress("recognise")
		case <-j.w.crew.bad:
			fault = j.w.crew.err()
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
	j.stats.Recognise += a.seconds
	j.stats.Speech += seconds(a.piece.end - a.piece.start)
	j.stats.Segments++
	if a.mended {
		j.stats.Repeats++
	}
	j.mu.Unlock()
	for _, p := range a.parts {
		if p.heard.text == "" {
			continue
		}
		j.mu.Lock()
		j.spoken++
		if p.heard.language != "" {
			j.heardIn[p.heard.language] += p.end - p.start
		}
		j.mu.Unlock()
		seg := &api.Segment{Start: round(seconds(p.start)), End: round(seconds(p.end)), Text: p.heard.text, Confidence: p.heard.confidence}
		if j.channels == 2 {
			seg.Speaker = fmt.Sprintf("Channel %d", a.piece.channel+1)
		}
		j.w.report(engine.Report{Type: engine.ReportSegment, Job: j.task.ID, Segment: seg, Words: placeWords(p, seg)})
	}
}

// placeWords moves words from the time of the feed to that of the file, and
// into their segment.
func placeWords(p part, seg *api.Segment) []api.Word {
	out := make([]api.Word, 0, len(p.heard.words))
	offset := seconds(p.feedStart)
	for _, w := range p.heard.words {
		w.Start = round(min(max(w.Start+offset, seg.Start), seg.End))
		w.End = round(min(max(w.End+offset, w.Start), seg.End))
		w.Speaker = seg.Speaker
		out = append(out, w)
	}
	return out
}

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
			"the model %s recognises %q, not %q: choose another model, or leave the language out", m.Name, m.Language, asked)}
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
