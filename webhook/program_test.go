package webhook

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a receiver in a process of its own.
type program struct {
	lines chan string // of its stdout, closed when it ends
}

// start runs a receiver until the test ends. Its stdout comes line by line.
func start(t *testing.T, dir string, env []string, command ...string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(env, "RECEIVER_ENDS_WITH_STDIN=1")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// Held open: the receiver ends when this process does.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", command, err)
	}
	p := &program{lines: make(chan string, 1<<14)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		for range p.lines {
			// Until its stdout is closed.
		}
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("stderr of %v:\n%s", command, stderr.String())
		}
	})
	return p
}

// line returns the next line of stdout.
func (p *program) line(t *testing.T) string {
	t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			t.Fatal("the receiver ended")
		}
		return l
	case <-time.After(60 * time.Second):
		t.Fatal("the receiver said nothing for a minute")
	}
	return ""
}

// quiet reports whether nothing more was said so far.
func (p *program) quiet() bool { return len(p.lines) == 0 }

// installReceivers installs the npm libraries of testdata/receivers unless they
// are there, and returns that folder.
func installReceivers(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../testdata/receivers")
	if err != nil {
		t.Fatal(err)
	}
	// Tests of other packages may be about the same.
	lock, err := os.Open(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock the receivers: %v", err)
	}
	wanted, err := lock.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if have, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil && !have.ModTime().Before(wanted.ModTime()) {
		return dir
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci (the tests need npm): %v\n%s", err, out)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "node_modules", ".package-lock.json"), now, now); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheLockFileNamesNoHost(t *testing.T) {
	f, err := os.Open("../testdata/receivers/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"resolved"`) {
		t.Error("got a resolved address in package-lock.json, want none: run npm install with the .npmrc beside it")
	}
	if n := strings.Count(string(raw), `"integrity"`); n < 10 {
		t.Errorf("got %d hashes in package-lock.json, want one for each library", n)
	}
}
