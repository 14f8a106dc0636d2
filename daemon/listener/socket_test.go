package listener_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voxparse/voxparse/daemon/listener"
)

// serveHello answers every connection with a byte, until l is closed.
func serveHello(t *testing.T, l net.Listener) (ended <-chan error) {
	t.Helper()
	end := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				end <- err
				return
			}
			_, _ = c.Write([]byte("x"))
			_ = c.Close()
		}
	}()
	return end
}

// answers waits until somebody at path answers.
func answers(t *testing.T, path string) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("unix", path)
		if err == nil {
			n, err := c.Read(make([]byte, 1))
			_ = c.Close()
			if n == 1 && err == nil {
				return
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("nobody answers at %s (%v)", path, err)
		}
	}
}

func TestUnix_bindsAgainWhatVanished(t *testing.T) {
	for name, vanish := range map[string]func(path string) error{
		"the socket":     os.Remove,
		"its folder":     func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"another, stale": func(path string) error { leftSocket(t, path+"2"); return os.Rename(path+"2", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "run", "s")
			l, err := listener.UnixEvery(t.Context(), path, discard, 5*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			ended := serveHello(t, l)
			for range 3 {
				answers(t, path)
				if err := vanish(path); err != nil {
					t.Fatal(err)
				}
			}
			answers(t, path)
			for p, want := range map[string]fs.FileMode{filepath.Dir(path): 0o700, path: 0o600} {
				if st, err := os.Stat(p); err != nil || st.Mode().Perm() != want {
					t.Errorf("%s: got %v, %v, want %#o", p, st, err, want)
				}
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v from Accept after Close, want net.ErrClosed", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v for the socket after Close, want that it is gone", err)
			}
		})
	}
}

// Two daemons with data folders of their own may be given one socket by mistake:
// the later one has it, and neither takes it from the other for ever.
func TestUnix_leavesASocketAloneThatAnotherServes(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	looks := make(chan struct{}, 1000)
	l, err := listener.UnixEvery(t.Context(), path, noticed(looks), 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	serveHello(t, l)
	other := bindUnix(t, path+"2")
	serveHello(t, other)
	if err := os.Rename(path+"2", path); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-looks: // it has seen the other one
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was logged of the socket that another process serves")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if st, err := os.Lstat(path); err != nil || !os.SameFile(st, theirs) {
		t.Errorf("got %v, %v at the path, want the socket of the other", st, err)
	}
	answers(t, path)
}

// noticed is a logger that tells of every record.
func noticed(told chan<- struct{}) *slog.Logger { return slog.New(teller{slog.DiscardHandler, told}) }

type teller struct {
	slog.Handler
	told chan<- struct{}
}

// Enabled takes every record.
func (teller) Enabled(context.Context, slog.Level) bool { return true }

// Handle tells of one.
func (h teller) Handle(context.Context, slog.Record) error {
	h.told <- struct{}{}
	return nil
}
