package daemon

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asAnother runs do on a thread whose effective user is nobody, and which ends
// with it.
func asAnother(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is of no more use
		const keep, nobody = ^uintptr(0), 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, nobody, keep); errno != 0 {
			done <- fmt.Errorf("become nobody: %w", errno)
			return
		}
		done <- do()
	}()
	return <-done
}

// The folder and the socket's own mode keep others out. Where both fail, who
// connects is still asked for.
func TestAnotherUserIsTurnedAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act for another user")
	}
	f := start(t, nil)
	connect := func() error {
		c, err := net.Dial("unix", f.cfg.Socket)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := fmt.Fprint(c, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	until(t, "the start", func() bool { return connect() == nil })
	if err := asAnother(connect); err == nil {
		t.Error("got an answer for another user, want that the folder cannot be entered")
	}
	for _, path := range []string{filepath.Dir(filepath.Dir(f.cfg.Socket)), filepath.Dir(f.cfg.Socket), f.cfg.Socket} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	reached := func() error {
		c, err := net.Dial("unix", f.cfg.Socket)
		if err != nil {
			return err
		}
		return c.Close()
	}
	if err := asAnother(reached); err != nil {
		t.Fatalf("got %v, want that the socket can be reached now", err)
	}
	if err := asAnother(connect); err == nil {
		t.Error("got an answer for another user, want the connection closed")
	}
	if err := connect(); err != nil {
		t.Errorf("got %v for our own user afterwards, want an answer", err)
	}
}
