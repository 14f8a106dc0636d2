package daemon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/webhook"
)

func init() {
	children["daemon"] = daemonChild
	children["sink"] = sinkChild
}

// child is another process of this test binary.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// spawn runs this test binary in the given role. It is killed at the test's
// end if it still runs.
func spawn(t testing.TB, role string, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+role)...)
	return launch(t, cmd)
}

// launch starts a program, which is killed at the test's end if it still runs.
func launch(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd, err)
	}
	c := &child{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	c.lines.Buffer(nil, 16<<20)
	t.Cleanup(c.kill)
	return c
}

// line returns the next line that the child prints.
func (c *child) line() (string, error) {
	if !c.lines.Scan() {
		return "", errors.Join(io.EOF, c.lines.Err())
	}
	return c.lines.Text(), nil
}

// kill ends the child as a power cut would, and waits for its end.
func (c *child) kill() {
	if c.cmd.ProcessState != nil {
		return
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// terminate asks the child to end, and returns how it did.
func (c *child) terminate() error {
	if err := c.cmd.Process.Signal(stopSignal); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// Variables of the daemon child.
const (
	dirEnv   = "VOXPARSE_TEST_DIR"
	blockEnv = "VOXPARSE_TEST_BLOCK" // set: no job ever ends
	delayEnv = "VOXPARSE_TEST_DELAY" // a duration: a job takes up to twice that
	slotsEnv = "VOXPARSE_TEST_SLOTS" // how many jobs run at a time; 4 where it is not set

	engineEnv = "VOXPARSE_TEST_ENGINE" // the real worker program, instead of the fake
	modelsEnv = "VOXPARSE_TEST_MODELS"
	cacheEnv  = "VOXPARSE_TEST_DECODERS"
)

// stopSignal asks a daemon child to stop gracefully.
const stopSignal = syscall.SIGTERM

// daemonChild is a real daemon on the fake transcriber.
func daemonChild() int {
	dir := os.Getenv(dirEnv)
	env := childPaths(dir)
	cfg, err := config.Load(nil, func(k string) string { return env[k] })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cfg.Grace = 2 * time.Second
	cfg.Workers = 4
	fake := newFake()
	fake.block = os.Getenv(blockEnv) != ""
	if s := os.Getenv(slotsEnv); s != "" {
		if cfg.Workers, err = strconv.Atoi(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if s := os.Getenv(delayEnv); s != "" {
		if fake.delay, err = time.ParseDuration(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("VOXPARSE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopSignal)
	defer stop()
	opts := daemon.Options{Config: cfg, Version: "test", Transcriber: fake, Logger: log,
		FolderStep: crashAt(os.Getenv(crashEnv)), Schedule: dispatch.Schedule{50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}}
	if path := os.Getenv(engineEnv); path != "" {
		opts.Transcriber, opts.EnginePath = nil, path
		cfg.ModelsDir, cfg.CacheDir, cfg.Workers = os.Getenv(modelsEnv), os.Getenv(cacheEnv), 2
	}
	d, err := daemon.New(ctx, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := d.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// sinkChild is a receiver in a process of its own. It prints its URL, reads
// lines from its input ("secret S", "report", "reset") and verifies every
// request. Metadata {"sent":"NANOS"} tells when an event's job was submitted.
func sinkChild() int {
	s := &sink{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(l); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	fmt.Printf("http://%s/hook\n", l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		verb, arg, _ := strings.Cut(in.Text(), " ")
		s.mu.Lock()
		switch verb {
		case "secret":
			s.secrets = append(s.secrets, arg)
		case "delay":
			s.delay, _ = time.ParseDuration(arg)
		case "reset":
			s.report = sinkReport{}
		case "report":
			if err := json.NewEncoder(os.Stdout).Encode(s.report); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		s.mu.Unlock()
	}
	return 0
}

type sink struct {
	mu      sync.Mutex
	secrets []string
	delay   time.Duration
	report  sinkReport
}

// sinkReport is what a sink has seen.
type sinkReport struct {
	Count   int
	Bad     int
	Last    time.Time
	Latency []time.Duration // from submission
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	now := time.Now()
	s.mu.Lock()
	secrets, delay := s.secrets, s.delay
	s.mu.Unlock()
	good := false
	for _, secret := range secrets {
		good = good || err == nil && webhook.Verify(body, r.Header, secret, time.Minute) == nil
	}
	latency := time.Duration(-1)
	if _, rest, ok := strings.Cut(string(body), `"sent":"`); ok {
		digits, _, _ := strings.Cut(rest, `"`)
		if sent, err := strconv.ParseInt(digits, 10, 64); err == nil {
			latency = time.Duration(now.UnixNano() - sent)
		}
	}
	s.mu.Lock()
	s.report.Count++
	s.report.Last = now
	if !good {
		s.report.Bad++
	}
	if latency >= 0 {
		s.report.Latency = append(s.report.Latency, latency)
	}
	s.mu.Unlock()
	time.Sleep(delay)
}

// sinkProcess is a sink seen from the test.
type sinkProcess struct {
	*child
	t   testing.TB
	url string
}

func newSink(t testing.TB) *sinkProcess {
	t.Helper()
	c := spawn(t, "sink")
	url, err := c.line()
	if err != nil {
		t.Fatalf("start a sink: %v", err)
	}
	return &sinkProcess{c, t, url}
}

func (s *sinkProcess) say(line string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		s.t.Fatalf("tell the sink %q: %v", line, err)
	}
}

func (s *sinkProcess) ask() sinkReport {
	s.t.Helper()
	s.say("report")
	line, err := s.line()
	if err != nil {
		s.t.Fatalf("ask the sink: %v", err)
	}
	var r sinkReport
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		s.t.Fatalf("ask the sink: %v", err)
	}
	return r
}
