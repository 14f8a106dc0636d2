package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// errOver stops a decode that has given as much audio as it may.
var errOver = errors.New("over the length limit")

// serveDecoder is the decoder process: it decodes one file for each line on
// stdin, and ends with it.
func serveDecoder(cache string) error {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	dec, err := newFFmpeg(context.Background(), cache)
	if err != nil {
		r := refusal{api.JobInternal, "the decoder cannot start: " + sentence(err)}
		return errors.Join(err, writeFrameJSON(out, frameFault, r))
	}
	if err := writeFrame(out, frameReady, nil); err != nil {
		return fmt.Errorf("announce the decoder: %w", err)
	}
	lines := engine.Lines(os.Stdin)
	for lines.Scan() {
		var o decodeRequest
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return fmt.Errorf("read a decode order: %w", err)
		}
		if err := writeFrameJSON(out, frameEnd, dec.serve(o, out)); err != nil {
			return fmt.Errorf("end a decode: %w", err)
		}
	}
	return lines.Err()
}

// serve decodes the file of o to out and returns how that ended.
func (f *ffmpeg) serve(o decodeRequest, out *bufio.Writer) decodeResult {
	in, err := openInput(o.Path, o.Name)
	if err != nil {
		return decodeResult{Fault: err.Error()}
	}
	defer in.file.Close()
	end := decodeResult{Size: in.size, Head: in.head, Announced: in.announced, Notices: in.notices}
	if in.size == 0 {
		return end
	}
	ctx := context.Background()
	found, err := f.probe(ctx, in)
	if err != nil {
		found = contents{} // a trap in the demuxer: decoding will meet it too
	}
	sel, err := found.choose(o.Track)
	if err == nil && o.Split && sel.channels > maxChannels {
		err = fault(api.JobUnsupported, "channels=split takes at most %d channels: mix them", maxChannels)
	}
	if err != nil {
		var refused *engine.Error
		errors.As(err, &refused)
		end.Refused = &refusal{refused.Code, refused.Message}
		return end
	}
	f.decode(ctx, in, o, sel, found, out, &end)
	return end
}

// decode runs ffmpeg for sel and completes end.
func (f *ffmpeg) decode(ctx context.Context, in *input, o decodeRequest, sel selection, found contents, out *bufio.Writer, end *decodeResult) {
	log := &ffmpegLog{out: out, header: header{Channels: 1, Tracks: len(found.tracks), Track: sel.track}}
	pcm := &pcmWriter{out: out, channels: sel.channels, left: 1 << 62}
	if o.Seconds > 0 {
		pcm.left = int64(o.Seconds * sampleRate)
	}
	switch {
	case o.Split:
		log.header.Channels, log.header.Labels = sel.channels, sel.labels
	case sel.channels > 1:
		pcm.mixer = newMixer(sel.weights, pcm.send)
	}
	var err error
	end.Exit, err = f.run(ctx, "ffmpeg", arguments(in, sel), in, pcm, log)
	if err == nil && !pcm.over {
		err = pcm.finish()
	}
	if err != nil && !pcm.over && end.Exit == 0 {
		// A trap in the decoder: the file did it, the decoder is as good as new.
		end.Exit = 255
		log.note(err.Error())
	}
	end.Samples, end.Over = pcm.samples, pcm.over
	end.Opened, end.Errors, end.Lines, end.Cut, end.Undecoded = log.opened, log.errors, log.lines, log.cut, log.failed
	if m := pcm.mixer; m != nil && m.turned > m.blocks/2 {
		end.Notices = append(end.Notices, api.Notice{Code: api.NoticeChannels,
			Message: "one channel is the inverse of another: it was inverted before they were mixed"})
	}
}

// pcmWriter sends samples on as frames, up to a limit.
type pcmWriter struct {
	out      *bufio.Writer
	channels int   // that come in; one goes out where there is a mixer
	left     int64 // samples per channel that may still come
	samples  int64 // per channel, taken
	rest     []byte
	over     bool
	mixer    *mixer
}

// Write sends whole samples of p on.
func (w *pcmWriter) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.rest) > 0 {
		p = append(w.rest, p...)
	}
	size := 2 * w.channels
	for len(p) >= size {
		count := min(len(p), maxFrame) / size
		if int64(count) > w.left {
			w.over = true
			return 0, errOver
		}
		send := w.send
		if w.mixer != nil {
			send = w.mixer.add
		}
		if err := send(p[:count*size]); err != nil {
			return 0, err
		}
		w.left -= int64(count)
		w.samples += int64(count)
		p = p[count*size:]
	}
	w.rest = append(w.rest[:0:0], p...)
	return n, nil
}

// send sends b, at most maxFrame bytes, as a frame.
func (w *pcmWriter) send(b []byte) error {
	if err := writeFrame(w.out, framePCM, b); err != nil {
		os.Exit(0) // the worker is gone
	}
	return nil
}

// finish sends what is still in the mixer.
func (w *pcmWriter) finish() error {
	if w.mixer == nil {
		return nil
	}
	return w.mixer.flush()
}
