package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/voxparse/voxparse/engine"
)

// errOver stops a decode that has given as much audio as it may.
var errOver = errors.New("over the length limit")

// serveDecoder is the decoder process: it decodes one file for each line on
// stdin, and ends with it.
func serveDecoder(cache string) error {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	dec, err := newFFmpeg(context.Background(), cache)
	if err != nil {
		return err
	}
	if err := writeFrame(out, frameReady, nil); err != nil {
		return fmt.Errorf("announce the decoder: %w", err)
	}
	lines := engine.Lines(os.Stdin)
	for lines.Scan() {
		var o decodeOrder
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
func (f *ffmpeg) serve(o decodeOrder, out *bufio.Writer) ending {
	file, err := os.Open(o.Path)
	if err != nil {
		return ending{Fault: err.Error()}
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return ending{Fault: err.Error()}
	}
	end := ending{Size: fi.Size()}
	if !fi.Mode().IsRegular() {
		end.Fault = o.Name + " is not a regular file"
		return end
	}
	head := make([]byte, 512)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		end.Fault = err.Error()
		return end
	}
	end.Head = head[:n]
	if n == 0 {
		return end
	}
	end.Announced = announcedSize(file)
	pcm := &pcmWriter{out: out, channels: o.Channels, left: int64(o.Seconds * sampleRate)}
	if o.Seconds <= 0 {
		pcm.left = 1 << 62
	}
	log := &ffmpegLog{out: out}
	end.Exit, err = f.decode(context.Background(), file, o.Name, o.Channels, pcm, log)
	if err != nil && !pcm.over && end.Exit == 0 {
		// A trap in the decoder: the file did it, the decoder is as good as new.
		end.Exit = 255
		log.note(err.Error())
	}
	end.Samples, end.Over = pcm.samples, pcm.over
	end.Opened, end.Errors, end.Lines = log.opened, log.errors, log.lines
	return end
}

// pcmWriter sends samples on as frames, up to a limit.
type pcmWriter struct {
	out      *bufio.Writer
	channels int
	left     int64 // samples per channel that may still come
	samples  int64 // per channel, sent
	rest     []byte
	over     bool
}

// Write sends whole samples of p on, at most one second a frame.
func (w *pcmWriter) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.rest) > 0 {
		p = append(w.rest, p...)
	}
	size := 2 * w.channels
	for len(p) >= size {
		count := min(len(p)/size, sampleRate)
		if int64(count) > w.left {
			w.over = true
			return 0, errOver
		}
		if err := writeFrame(w.out, framePCM, p[:count*size]); err != nil {
			os.Exit(0) // the worker is gone
		}
		w.left -= int64(count)
		w.samples += int64(count)
		p = p[count*size:]
	}
	w.rest = append(w.rest[:0:0], p...)
	return n, nil
}
