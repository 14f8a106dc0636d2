package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// silentFor is how long a decoder may give nothing before it counts as hung.
// A first start compiles ffmpeg, which takes long on a slow machine.
const (
	silentFor = 60 * time.Second
	startFor  = 5 * time.Minute
)

// errGone is how a decoder fails that ends without a word.
var errGone = errors.New("the decoder ended")

// decoder is a child process that decodes one file after another. A file that
// it does not end cleanly on costs it its life.
type decoder struct {
	cmd      *exec.Cmd
	orders   io.WriteCloser
	out      io.Closer
	frames   *bufio.Reader
	watchdog *watchdog
	ended    chan struct{} // closed once the process is reaped
	ready    bool
	silent   time.Duration // how long it may give nothing once it is ready
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
			_, _ = cmd.Process.Wait() // its end is read from its output
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a decoder: %w", err)
	}
	d.watchdog = &watchdog{kill: func() { cmd.Process.Kill() }, used: func() (float64, bool) { return processSeconds(cmd.Process.Pid) }}
	return d, nil
}

// stop ends the process and waits until it is reaped.
func (d *decoder) stop() {
	d.watchdog.stop()
	d.cmd.Process.Kill() // an error means that it has ended
	d.orders.Close()
	d.out.Close()
	<-d.ended
}

// decode has one file decoded. It calls head once the container is understood,
// and pcm for every stretch of interleaved samples, whose bytes are the
// decoder's own again afterwards. An error is the decoder's fault or that of
// head or pcm, and the decoder is to be stopped; what the file did is in the
// result. started reports whether the decoder gave anything of the file.
func (d *decoder) decode(ctx context.Context, o decodeRequest, head func(header) error, pcm func([]byte) error) (res decodeResult, started bool, err error) {
	if err := engine.WriteLine(d.orders, o); err != nil {
		return res, false, fmt.Errorf("%w: %w", errGone, err)
	}
	buf := make([]byte, 0, maxFrame)
	for {
		kind, payload, err := d.frame(buf)
		if err != nil {
			return res, started, err
		}
		buf = payload
		switch kind {
		case frameReady:
			d.ready = true
		case frameFault:
			return res, started, readFault(payload)
		case frameHeader:
			started = true
			var h header
			if err = json.Unmarshal(payload, &h); err == nil {
				err = head(h)
			}
		case framePCM:
			err = pcm(payload)
		case frameEnd:
			if err := json.Unmarshal(payload, &res); err != nil {
				return res, started, fmt.Errorf("read a decode result: %w", err)
			}
			return res, true, nil
		default:
			err = fmt.Errorf("a frame of kind %q from the decoder", kind)
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return res, started, err
		}
	}
}

// frame reads the next frame, if it comes in time.
func (d *decoder) frame(buf []byte) (kind byte, payload []byte, err error) {
	patience := d.silent
	if !d.ready {
		patience = startFor
	}
	d.watchdog.start(patience)
	kind, payload, err = readFrame(d.frames, buf)
	switch {
	case !d.watchdog.stop():
		return 0, nil, d.tooLong(patience)
	case err != nil && !d.ready:
		return 0, nil, ourFault(fmt.Errorf("the decoder could not start: %w; check the free memory, and voxparse doctor", errGone))
	case err != nil:
		return 0, nil, fmt.Errorf("%w: %w", errGone, err)
	}
	return kind, payload, nil
}

// tooLong is the end of a decoder that was silent for so long.
func (d *decoder) tooLong(patience time.Duration) *engine.Error {
	switch {
	case !d.ready:
		return ourFault(fmt.Errorf("the decoder was not ready within %s: this machine has too much to do", patience))
	case d.watchdog.wasBusy():
		return fault(api.JobDamaged, "the decoder got stuck in this file: it is damaged; convert it with another program and try again")
	}
	return ourFault(fmt.Errorf("the decoder got nothing done within %s: this machine has too much to do, or the disk with the file does not answer", patience))
}

// readFault reads why a decoder cannot work, which is no fault of a file.
func readFault(payload []byte) error {
	var r refusal
	if err := json.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("read a fault of the decoder: %w", err)
	}
	return &engine.Error{Code: r.Code, Message: r.Message, Transient: true}
}
