package engine

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// helloWithin is how long a worker may take to say hello.
const helloWithin = 30 * time.Second

// process is one worker process, from its start until it is reaped.
type process struct {
	cmd     *exec.Cmd
	pid     int
	stdin   io.WriteCloser
	writing sync.Mutex
	reports chan Report   // all but beats
	dead    chan struct{} // closed once it is reaped and its output read
	exit    error         // how it ended; set before dead is closed
	beat    atomic.Int64  // time of the last beat, Unix nanoseconds
	steps   atomic.Uint64 // of the last beat
	noise   noise         // the end of what it wrote to stderr
	why     atomic.Pointer[string]
}

// start starts a worker and waits for its hello.
func start(ctx context.Context, cfg Config, wg *sync.WaitGroup) (*process, error) {
	if len(cfg.Command) == 0 {
		return nil, fmt.Errorf("start a worker: no program is configured")
	}
	args := cfg.Command[1:]
	if cfg.CacheDir != "" {
		args = append(args[:len(args):len(args)], "-cache", cfg.CacheDir)
	}
	cmd := exec.Command(cfg.Command[0], args...)
	cmd.Dir = cfg.Dir
	own(cmd)
	p := &process{cmd: cmd, reports: make(chan Report, 64), dead: make(chan struct{})}
	cmd.Stderr = &p.noise
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p.stdin = stdin
	p.beat.Store(time.Now().UnixNano())
	started := make(chan error)
	wg.Go(func() {
		// The worker dies with the thread that started it: keep that thread.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.read(stdout)
		p.exit = cmd.Wait()
		close(p.dead)
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p.pid = cmd.Process.Pid
	if err := p.hello(ctx); err != nil {
		p.kill("it did not start")
		<-p.dead
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return p, nil
}

// hello waits for the first report.
func (p *process) hello(ctx context.Context) error {
	timer := time.NewTimer(helloWithin)
	defer timer.Stop()
	select {
	case r := <-p.reports:
		if r.Type != ReportHello || r.Protocol != ProtocolVersion {
			return fmt.Errorf("it speaks protocol %d, not %d: install voxparse and voxparse-engine of the same version", r.Protocol, ProtocolVersion)
		}
		return nil
	case <-p.dead:
		return fmt.Errorf("it ended at once (%s): %s", exitReason(p.exit), p.noise.last())
	case <-timer.C:
		return fmt.Errorf("no hello within %s", helloWithin)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read takes reports until the worker closes its output. A worker that talks
// nonsense is killed.
func (p *process) read(stdout io.Reader) {
	lines := Lines(stdout)
	for lines.Scan() {
		r, err := ParseReport(lines.Bytes())
		if err != nil {
			p.kill(err.Error())
			break
		}
		p.beat.Store(time.Now().UnixNano())
		if r.Type == ReportBeat {
			p.steps.Store(r.Steps)
			continue
		}
		p.reports <- r
	}
	if err := lines.Err(); err != nil {
		p.kill("read its reports: " + err.Error())
	}
	// Closed output without an end would leave us waiting for it.
	p.kill("")
}

// send gives the worker an order. A worker that is gone shows by dead.
func (p *process) send(o Order) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := WriteLine(p.stdin, o); err != nil {
		p.kill("it takes no orders")
	}
}

// kill ends the worker and its decoder. The first reason given is kept; an
// empty one is none.
func (p *process) kill(why string) {
	if why != "" {
		p.why.CompareAndSwap(nil, &why)
	}
	killGroup(p.cmd)
}

// close lets the worker end by itself.
func (p *process) close() {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.stdin.Close() // an error means that it has ended
}

// reason says why a dead process ended.
func (p *process) reason() string {
	s := exitReason(p.exit)
	if why := p.why.Load(); why != nil {
		s = *why
	}
	if last := p.noise.last(); last != "" {
		s += " (" + last + ")"
	}
	return s
}

// exitReason is how a process ended, in words.
func exitReason(err error) string {
	if err == nil {
		return "it ended"
	}
	return err.Error()
}

// noise keeps the last of what a worker and its native libraries print.
type noise struct {
	mu   sync.Mutex
	tail []byte
}

// maxNoise is how much of it is kept, in bytes.
const maxNoise = 4096

// Write takes the next bytes.
func (n *noise) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tail = append(n.tail, p...)
	if over := len(n.tail) - maxNoise; over > 0 {
		n.tail = append(n.tail[:0], n.tail[over:]...)
	}
	return len(p), nil
}

// last is the last line, at most 200 bytes of it.
func (n *noise) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.TrimSpace(string(n.tail))
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return strings.ToValidUTF8(s[:min(len(s), 200)], "")
}
