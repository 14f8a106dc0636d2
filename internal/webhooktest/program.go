// Package webhooktest runs the receivers of testdata/receivers, and programs
// like them, for the tests of several packages. It hides how their libraries
// are installed and how they are started and ended.
package webhooktest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Program is a receiver in a process of its own.
type Program struct {
	lines chan string // of its stdout, closed when it ends
}

// Start runs a receiver in dir until the test ends, with env added to the
// environment. In short mode it skips the test: it needs another language.
func Start(t *testing.T, dir string, env []string, command ...string) *Program {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a receiver in another language")
	}
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
	p := &Program{lines: make(chan string, 1<<14)}
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

// Line returns the next line of stdout, and fails the test when none comes.
func (p *Program) Line(t *testing.T) string {
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

// Quiet reports whether nothing more was said so far.
func (p *Program) Quiet() bool { return len(p.lines) == 0 }
