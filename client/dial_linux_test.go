package client_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/peer/peertest"
)

var speech = client.Upload{Name: "a.wav", Size: 5, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("audio")), nil }}

// received is what the first connection to l sends.
func received(l net.Listener) <-chan []byte {
	got := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- nil
			return
		}
		data, err := io.ReadAll(c)
		if err != nil {
			data = append(data, err.Error()...)
		}
		got <- data
		_ = c.Close()
	}()
	return got
}

// anothersServer listens at path as another user, in a folder of that user's,
// to which everybody has access: a trap below /tmp.
func anothersServer(t *testing.T, path string) net.Listener {
	t.Helper()
	var l net.Listener
	if err := peertest.AsNobody(func() (err error) {
		if err = os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if l, err = net.Listen("unix", path); err != nil {
			return err
		}
		return os.Chmod(path, 0o777)
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// sticky is a folder like /tmp.
func sticky(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNew_sendsNothingIntoAnothersFolder(t *testing.T) {
	peertest.NeedRoot(t)
	path := filepath.Join(sticky(t), "voxparse-0", "s")
	l := anothersServer(t, path)
	got := received(l)
	_, err := client.New(path).Submit(t.Context(), speech)
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "nothing was sent") || !strings.Contains(err.Error(), "uid 65534") {
		t.Errorf("got %v, want the folder of another user refused", err)
	}
	_ = l.Close()
	if data := <-got; len(data) > 0 {
		t.Errorf("got %q sent to another user, want nothing", data)
	}
}

func TestNew_refusesALinkInTheFoldersPlace(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := errors.Join(os.Mkdir(real, 0o700), os.Symlink(real, filepath.Join(dir, "voxparse"))); err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(filepath.Join(dir, "voxparse", "s")).Health(t.Context()); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("got %v, want the link refused", err)
	}
}

// The socket lies where it should, and another user listens on it all the same.
func TestNew_sendsNothingToAnotherUser(t *testing.T) {
	peertest.NeedRoot(t)
	dir := filepath.Join(t.TempDir(), "voxparse")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := peertest.AsNobody(func() error { return unix.Listen(fd, 8) }); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	got := received(l)
	_, err = client.New(path).Submit(t.Context(), speech)
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "another user (uid 65534) listens there") {
		t.Errorf("got %v, want the peer refused", err)
	}
	_ = l.Close()
	if data := <-got; len(data) > 0 {
		t.Errorf("got %q sent to another user, want nothing", data)
	}
}
