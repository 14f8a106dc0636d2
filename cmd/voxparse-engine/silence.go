package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// silence writes a copy of the audio of t as a WAV file, with silence where
// t says so in every channel: what one speaker says is often heard in the
// other's too.
func (w *worker) silence(t *engine.Task) error {
	m := &muffler{w: w, task: t, began: time.Now()}
	end, err := w.decode(t, t.Track, m.open, m.pcm)
	if err == nil {
		if fault := classify(t, m.head, end); fault != nil {
			err = fault
		}
	}
	if m.out != nil {
		if cerr := m.out.close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(t.Silence.Out)) // it may not be there
	}
	w.report(engine.Report{Type: engine.ReportDone, Job: t.ID, Duration: seconds(end.Samples)})
	return nil
}

// muffler passes samples on to a file, with silence in the place of some.
type muffler struct {
	w        *worker
	task     *engine.Task
	out      *wav
	head     header
	began    time.Time
	position int64 // of the next sample, per channel
	reported int64
}

// open makes the file, in as many channels as come.
func (m *muffler) open(h header) error {
	m.head = h
	out, err := newWAV(m.task.Silence.Out, h.Channels)
	m.out = out
	return err
}

// pcm takes interleaved 16-bit samples.
func (m *muffler) pcm(b []byte) error {
	frame := 2 * m.out.channels
	n := int64(len(b) / frame)
	for _, s := range m.task.Silence.Spans {
		from := clampSample(s.Start, math.Floor, m.position, m.position+n)
		to := clampSample(s.End, math.Ceil, m.position, m.position+n)
		if from < to {
			clear(b[int(from-m.position)*frame : int(to-m.position)*frame])
		}
	}
	m.position += n
	m.w.steps.Add(1)
	if m.position-m.reported >= progressEvery {
		m.reported = m.position
		p := howFar("redact", m.position, m.head.Seconds, m.began)
		m.w.report(engine.Report{Type: engine.ReportProgress, Job: m.task.ID, Progress: p})
	}
	return m.out.write(b)
}

// clampSample is the sample at so many seconds, rounded, between least and most.
func clampSample(at float64, rounded func(float64) float64, least, most int64) int64 {
	return int64(min(max(rounded(at*sampleRate), float64(least)), float64(most)))
}

// wav is a WAV file of 16-bit samples at sampleRate that is being written. Its
// errors are those of the disk.
type wav struct {
	file     *os.File
	buffered *bufio.Writer
	channels int
	size     int64 // bytes of samples
}

const (
	wavHeader = 44
	wavMost   = math.MaxUint32 - wavHeader // bytes of samples that the header can tell
)

// newWAV makes the file path, which must be closed.
func newWAV(path string, channels int) (*wav, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write silenced audio: %w", err)
	}
	w := &wav{file: f, buffered: bufio.NewWriterSize(f, 256<<10), channels: channels}
	_, err = w.buffered.Write(make([]byte, wavHeader)) // written when the size is known
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write silenced audio: %w", err), f.Close())
	}
	return w, nil
}

func (w *wav) write(b []byte) error {
	if w.size += int64(len(b)); w.size > wavMost {
		return fault(api.JobTooLong, "the recording is too long for a silenced copy, which is a WAV file of at most 4 GB: split it, or leave redact_audio out")
	}
	if _, err := w.buffered.Write(b); err != nil {
		return fmt.Errorf("write silenced audio: %w", err)
	}
	return nil
}

// close completes the header and closes the file.
func (w *wav) close() error {
	err := w.buffered.Flush()
	if err == nil {
		_, err = w.file.WriteAt(w.header(), 0)
	}
	if err = errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("write silenced audio: %w", err)
	}
	return nil
}

func (w *wav) header() []byte {
	frame := 2 * w.channels
	h := make([]byte, 0, wavHeader)
	le := binary.LittleEndian
	h = le.AppendUint32(append(h, "RIFF"...), uint32(w.size)+wavHeader-8)
	h = le.AppendUint32(append(h, "WAVEfmt "...), 16)
	h = le.AppendUint16(le.AppendUint16(h, 1), uint16(w.channels)) // 1: PCM
	h = le.AppendUint32(le.AppendUint32(h, sampleRate), uint32(sampleRate*frame))
	h = le.AppendUint16(le.AppendUint16(h, uint16(frame)), 16)
	return le.AppendUint32(append(h, "data"...), uint32(w.size))
}
