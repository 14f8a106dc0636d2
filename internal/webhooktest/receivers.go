package webhooktest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Receiver is one of testdata/receivers.
type Receiver struct {
	Name    string
	command []string
}

// Receivers are those of testdata/receivers.
var Receivers = []Receiver{
	{"express-json", []string{"node", "express-json.js"}},
	{"express-raw", []string{"node", "express-raw.js"}},
	{"python", []string{"python3", "receiver.py"}},
	{"standardwebhooks", []string{"node", "standardwebhooks.js"}},
	{"svix", []string{"node", "svix.js"}},
}

// Start runs the receiver in dir, which Install returned, and returns its port
// on 127.0.0.1. It reads its secret from secretFile at every request.
func (r Receiver) Start(t *testing.T, dir, secretFile string) (p *Program, port int) {
	t.Helper()
	p = Start(t, dir, nil, append(r.command, "--port", "0", "--secret-file", secretFile)...)
	first := p.Told(t)
	if first.Receiver != r.Name || first.Port == 0 {
		t.Fatalf("got %+v, want the name and the port of %s", first, r.Name)
	}
	return p, first.Port
}

// Told is one line of a receiver.
type Told struct {
	Receiver   string `json:"receiver"`
	Port       int    `json:"port"` // in the first line only
	Verified   bool   `json:"verified"`
	Reason     string `json:"reason"` // why it did not verify
	EventID    string `json:"event_id"`
	Event      string `json:"event"`
	JobID      string `json:"job_id"`
	DeliveryID string `json:"delivery_id"`
	Attempt    int    `json:"attempt"`
}

// Told returns what a receiver says next.
func (p *Program) Told(t *testing.T) Told {
	t.Helper()
	var out Told
	line := p.Line(t)
	if err := json.Unmarshal([]byte(line), &out); err != nil {
		t.Fatalf("the receiver said %q: %v", line, err)
	}
	return out
}

// Install installs the npm libraries of testdata/receivers unless they are
// there, and returns that folder. In short mode it skips the test: it needs npm.
func Install(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs npm and node")
	}
	dir := filepath.Join(root(t), "testdata", "receivers")
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

// root is the folder of the module, above that of the test.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatalf("find the folder with go.mod: %v", err)
	return ""
}
