package listener_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
)

var discard = slog.New(slog.DiscardHandler)

// shortDir is a folder whose path leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vxl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// leftSocket is a socket that nobody serves any more.
func leftSocket(t *testing.T, path string) {
	t.Helper()
	l := bindUnix(t, path)
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func bindUnix(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.UnixListener)
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestUnix_replacesAStaleSocketAndClosesItToOthers(t *testing.T) {
	run := filepath.Join(shortDir(t), "voxparse-run")
	if err := os.Mkdir(run, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(run, "s")
	leftSocket(t, path)
	l, err := listener.Unix(t.Context(), path, discard)
	if err != nil {
		t.Fatalf("got %v, want the socket bound", err)
	}
	for p, want := range map[string]os.FileMode{run: 0o700, path: 0o600} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %#o", p, st.Mode().Perm(), err, want)
		}
	}
	exchange(t, l, "unix", path)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v from Accept after Close, want net.ErrClosed", err)
	}
}

// exchange sends a byte through l.
func exchange(t *testing.T, l net.Listener, network, addr string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	defer s.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Fatalf("read: %v", err)
	}
}

func TestUnix_refusesWhatCannotBeSafe(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		path       func(t *testing.T) string
	}{
		{"a path that is too long", "--socket", func(t *testing.T) string {
			return filepath.Join(shortDir(t), strings.Repeat("x", listener.MaxSocketPath), "s")
		}},
		{"a file in its place", "is not a socket", func(t *testing.T) string {
			path := filepath.Join(shortDir(t), "s")
			write(t, path)
			return path
		}},
		{"a folder that others can enter", "run: chmod 700", func(t *testing.T) string {
			dir := filepath.Join(shortDir(t), "shared")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(dir, "s")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := listener.Unix(t.Context(), tt.path(t), discard); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a refusal that says %q", err, tt.says)
			}
		})
	}
}

func TestUnix_saysWhatFailed(t *testing.T) {
	path := filepath.Join(shortDir(t), "file")
	write(t, path)
	if _, err := listener.Unix(t.Context(), filepath.Join(path, "s"), discard); err == nil || !strings.Contains(err.Error(), "prepare the folder of the socket") {
		t.Errorf("got %v where a file is in the folder's place, want the step that failed", err)
	}
}

// given is a bound socket as a service manager gives it.
func given(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := bindUnix(t, path).File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInherited_servesTheSocketOfTheServiceManager(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l, err := listener.InheritedFrom([]*os.File{given(t, path)}, path, discard)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v for the socket, want it closed to others", st, err)
	}
	exchange(t, l, "unix", path)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("got %v for the socket after Close, want that the service manager keeps it", err)
	}
	if l, err := listener.Inherited(path, discard); l != nil || err != nil {
		t.Errorf("got %v, %v without a service manager, want nothing", l, err)
	}
}

func TestInherited_refusesAnotherSocket(t *testing.T) {
	dir := shortDir(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	tcpFile, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	removed := given(t, filepath.Join(dir, "removed"))
	if err := os.Remove(filepath.Join(dir, "removed")); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	if err := errors.Join(os.Mkdir(shared, 0o700), os.Chmod(shared, 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, says string
		files            []*os.File
	}{
		{"two sockets", "a", "gave 2 sockets", []*os.File{given(t, filepath.Join(dir, "a")), given(t, filepath.Join(dir, "b"))}},
		{"another path", "other", "the settings name", []*os.File{given(t, filepath.Join(dir, "c"))}},
		{"TCP", "tcp", "the settings name", []*os.File{tcpFile}},
		{"no socket at all", "plain", "use the socket", []*os.File{plain}},
		{"one that is gone", "removed", "look at the socket", []*os.File{removed}},
		{"one that others can replace", "shared/s", "run: chmod 700", []*os.File{given(t, filepath.Join(shared, "s"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := listener.InheritedFrom(tt.files, filepath.Join(dir, tt.path), discard); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a refusal that says %q", err, tt.says)
			}
		})
	}
}

func TestInherited_refusesAFileInTheSocketsPlace(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	f := given(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path)
	if _, err := listener.InheritedFrom([]*os.File{f}, path, discard); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("got %v, want a refusal", err)
	}
}
