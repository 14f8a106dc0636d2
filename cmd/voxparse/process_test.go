package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// spawned are the processes that a script runs in the background.
type spawned struct{ byName map[string]*process }

type spawnKey struct{}

type process struct {
	cmd      *exec.Cmd
	out, err lockedBuffer
	done     chan error
}

// lockedBuffer is read while a process writes to it.
type lockedBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	grew chan struct{} // capacity 1
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grew <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// stuck is when a script that waits for something gives up.
const stuck = 60 * time.Second

// waitFor waits until what the process wrote matches.
func (p *process) waitFor(ts *testscript.TestScript, pattern string) {
	re := regexp.MustCompile("(?m)" + pattern)
	limit := time.NewTimer(stuck)
	defer limit.Stop()
	for !re.MatchString(p.out.String()) && !re.MatchString(p.err.String()) {
		select {
		case <-p.out.grew:
		case <-p.err.grew:
		case err := <-p.done:
			p.done <- err
			if re.MatchString(p.out.String()) || re.MatchString(p.err.String()) {
				return
			}
			ts.Fatalf("it ended (%v) before it wrote %s\nstdout: %s\nstderr: %s", err, pattern, p.out.String(), p.err.String())
		case <-limit.C:
			ts.Fatalf("it did not write %s\nstdout: %s\nstderr: %s", pattern, p.out.String(), p.err.String())
		}
	}
}

// spawn NAME REGEXP PROG ARG… runs a program in the background and waits until
// it has written something that matches.
func spawn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: spawn NAME REGEXP PROG ARG…")
	}
	path, err := exec.LookPath(filepath.Join(binDir, args[2]))
	if err != nil {
		path, err = exec.LookPath(args[2])
	}
	ts.Check(err)
	p := &process{cmd: exec.Command(path, args[3:]...), done: make(chan error, 1)}
	p.out.grew, p.err.grew = make(chan struct{}, 1), make(chan struct{}, 1)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "VOXPARSE_MODELS_DIR",
		"VOXPARSE_NO_KEYRING", "VOXPARSE_NO_AUTOSTART", "VOXPARSE_URL", "VOXPARSE_API_KEY", "VOXPARSE_WEBHOOK_SECRET", "PORT", "GOPATH", "GOCACHE"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(p.cmd.Start())
	go func() { p.done <- p.cmd.Wait() }()
	ts.Defer(func() { _ = p.cmd.Process.Kill() }) // most have ended by then
	processes(ts).byName[args[0]] = p
	p.waitFor(ts, args[1])
	_, err = io.WriteString(ts.Stdout(), p.out.String())
	ts.Check(err)
}

func processes(ts *testscript.TestScript) *spawned {
	s, ok := ts.Value(spawnKey{}).(*spawned)
	if !ok {
		ts.Fatalf("no processes in this script's setup")
	}
	return s
}

func named(ts *testscript.TestScript, name string) *process {
	p := processes(ts).byName[name]
	if p == nil {
		ts.Fatalf("no process is called %s", name)
	}
	return p
}

// awaits NAME REGEXP waits until a background process has written a match.
func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaits NAME REGEXP")
	}
	named(ts, args[0]).waitFor(ts, args[1])
}

// signal NAME INT|TERM|HUP|KILL signals a background process.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal NAME SIGNAL")
	}
	sig, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[1])
	}
	ts.Check(named(ts, args[0]).cmd.Process.Signal(sig))
}

// finish NAME CODE waits for the end of a background process, wants that exit
// code, and puts what it wrote into the files NAME.out and NAME.err.
func finish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: finish NAME CODE")
	}
	p := named(ts, args[0])
	limit := time.NewTimer(stuck)
	defer limit.Stop()
	select {
	case <-p.done:
	case <-limit.C:
		ts.Fatalf("%s does not end\nstdout: %s\nstderr: %s", args[0], p.out.String(), p.err.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(p.out.String()), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(p.err.String()), 0o644))
	if got := strconv.Itoa(p.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("%s: got exit code %s, want %s\nstdout: %s\nstderr: %s", args[0], got, args[1], p.out.String(), p.err.String())
	}
}
