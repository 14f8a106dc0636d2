package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/voxparse/voxparse/engine"
)

// silentFor is how long a decoder may give nothing before it counts as hung.
// A first start compiles ffmpeg, which takes long on a slow machine.
const (
	silentFor = 60 * time.Second
	startFor  = 5 * time.Minute
)

// How a decoder fails, by the doing of a file or of the machine.
var (
	errHung = errors.New("the decoder hangs")
	errGone = errors.New("the decoder ended")
)

// decoder is a child process that decodes one file after another. A file that
// it does not end cleanly on costs it its life.
type decoder struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	out    io.Closer
	frames *bufio.Reader
	dog    *time.Timer
	ended  chan struct{} // closed once the process is reaped
	ready  bool
	silent time.Duration // how long it may give nothing once it is ready
}

// startDecoder starts a decoder process; it gets ready on its own.
func startDecoder(cache string) (*decoder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	cmd := exec.Command(self, "-cache", cache, "decode")
	cmd.Stderr = os.Stderr
	orders, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	frames, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	d := &decoder{cmd: cmd, orders: orders, out: frames, frames: bufio.NewReaderSize(frames, 64<<10),
		ended: make(chan struct{}), silent: silentFor}
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// The child dies with the thread that started it: keep that thread.
		runtime.LockOSThread()
		defer close(d.ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Process.Wait() // its end is read from its output
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	d.dog = time.AfterFunc(startFor, func() { cmd.Process.Kill() })
	d.dog.Stop() // until somebody waits
	return d, nil
}

// stop ends the process and waits until it is reaped.
func (d *decoder) stop() {
	d.dog.Stop()
	d.cmd.Process.Kill() // an error means that it has ended
	d.orders.Close()
	d.out.Close()
	<-d.ended
}

// decode has one file decoded. It calls head once the container is understood,
// and pcm for every stretch of interleaved samples, whose bytes are the
// decoder's own again afterwards. An error is the decoder's fault or that of
// pcm, and the decoder is to be stopped; what the file did is in the ending.
func (d *decoder) decode(ctx context.Context, o decodeOrder, head func(header), pcm func([]byte) error) (ending, error) {
	if err := engine.WriteLine(d.orders, o); err != nil {
		return ending{}, fmt.Errorf("%w: %w", errGone, err)
	}
	buf := make([]byte, 0, maxFrame)
	for {
		patience := d.silent
		if !d.ready {
			patience = startFor
		}
		d.dog.Reset(patience)
		kind, payload, err := readFrame(d.frames, buf)
		if !d.dog.Stop() {
			return ending{}, errHung
		}
		if err != nil {
			return ending{}, fmt.Errorf("%w: %w", errGone, err)
		}
		buf = payload
		switch kind {
		case frameReady:
			d.ready = true
		case frameHeader:
			var h header
			if err := json.Unmarshal(payload, &h); err != nil {
				return ending{}, fmt.Errorf("read a header: %w", err)
			}
			head(h)
		case framePCM:
			if err := pcm(payload); err != nil {
				return ending{}, err
			}
		case frameEnd:
			var e ending
			if err := json.Unmarshal(payload, &e); err != nil {
				return ending{}, fmt.Errorf("read an ending: %w", err)
			}
			return e, nil
		default:
			return ending{}, fmt.Errorf("a frame of kind %q from the decoder", kind)
		}
		if err := ctx.Err(); err != nil {
			return ending{}, err
		}
	}
}
