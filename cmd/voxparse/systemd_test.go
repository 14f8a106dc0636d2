//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// manager stands in systemd's place: it owns the socket, and hears what the
// daemon says of itself.
type manager struct {
	t      *testing.T
	home   string
	path   string // of the API's socket
	socket *os.File
	notify *net.UnixConn
	said   chan string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	home, err := os.MkdirTemp("/tmp", "vps")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	m := &manager{t: t, home: home, path: filepath.Join(home, "voxparse", "voxparse.sock"), said: make(chan string, 100)}
	if err := os.Mkdir(filepath.Dir(m.path), 0o700); err != nil {
		t.Fatal(err)
	}
	m.socket = m.bind(m.path)
	m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(home, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.notify.Close() })
	go m.hear()
	return m
}

// bind listens as a socket unit does, and leaves the path when it is closed.
func (m *manager) bind(path string) *os.File {
	m.t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		m.t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err = errors.Join(err, l.Close()); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { f.Close() })
	return f
}

func (m *manager) hear() {
	defer close(m.said)
	buf := make([]byte, 4096)
	for {
		n, err := m.notify.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:n])) {
			m.said <- strings.TrimSpace(line)
		}
	}
}

// await waits until the daemon has said a line with that beginning, and returns
// what it said until then.
func (m *manager) await(prefix string) []string {
	m.t.Helper()
	limit := time.NewTimer(stuck)
	defer limit.Stop()
	var heard []string
	for {
		select {
		case line := <-m.said:
			if heard = append(heard, line); strings.HasPrefix(line, prefix) {
				return heard
			}
		case <-limit.C:
			m.t.Fatalf("got %q from the daemon, want %s", heard, prefix)
		}
	}
}

// run starts a daemon with these sockets, as systemd does: a shell sets the
// variable that names the process.
func (m *manager) run(sockets ...*os.File) (cmd *exec.Cmd, stderr *lockedBuffer) {
	m.t.Helper()
	cmd = exec.CommandContext(context.WithoutCancel(m.t.Context()), "sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$0" daemon run`, filepath.Join(binDir, "voxparse"))
	cmd.Env = []string{"HOME=" + m.home, "XDG_RUNTIME_DIR=" + m.home, "VOXPARSE_NO_KEYRING=1", "PATH=" + os.Getenv("PATH"),
		"NOTIFY_SOCKET=" + m.notify.LocalAddr().String(), "WATCHDOG_USEC=500000", "LISTEN_FDS=" + string(rune('0'+len(sockets)))}
	stderr = &lockedBuffer{grew: make(chan struct{}, 1)}
	cmd.ExtraFiles, cmd.Stderr = sockets, stderr
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended by then if all is well
	return cmd, stderr
}

func TestTheDaemonTellsItsServiceManagerHowItIs(t *testing.T) {
	m := newManager(t)
	cmd, stderr := m.run(m.socket)
	m.await("READY=1")
	m.await("STATUS=0 running, 0 waiting")
	m.await("WATCHDOG=1")
	m.await("WATCHDOG=1") // again and again
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	heard := m.await("STOPPING=1")
	m.await("EXTEND_TIMEOUT_USEC=") // the grace period is ours, not the unit's
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v after SIGTERM, want a clean end\n%s", err, stderr)
	}
	for _, line := range heard {
		if strings.HasPrefix(line, "READY=") {
			t.Errorf("got a second %s", line)
		}
	}
}

// A client that connects before the daemon runs, or between two daemons, is
// served: the socket is the manager's, and stays.
func TestASocketOfTheServiceManagerOutlivesTheDaemon(t *testing.T) {
	m := newManager(t)
	for range 2 {
		c := client.New(m.path)
		health := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			for {
				_, err := c.Health(ctx)
				if errors.Is(err, client.ErrUnreachable) || !errors.Is(err, api.Unavailable) { // else it starts still
					health <- err
					return
				}
			}
		}()
		cmd, stderr := m.run(m.socket)
		m.await("READY=1")
		if err := <-health; err != nil {
			t.Errorf("got %v for a client that came before the daemon\n%s", err, stderr)
		}
		c.Close()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("got %v after SIGTERM\n%s", err, stderr)
		}
		if st, err := os.Lstat(m.path); err != nil || st.Mode().Type() != os.ModeSocket || st.Mode().Perm() != 0o600 {
			t.Errorf("got %v, %v for the socket after the daemon, want it there, and ours alone", st, err)
		}
	}
}

func TestSocketsThatAreNotTheDaemonsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		give func(*manager) []*os.File
		want string
	}{
		{"another path", func(m *manager) []*os.File { return []*os.File{m.bind(filepath.Join(m.home, "other"))} }, "the settings name"},
		{"two sockets", func(m *manager) []*os.File { return []*os.File{m.socket, m.bind(filepath.Join(m.home, "other"))} }, "gave 2 sockets"},
		{"no socket", func(m *manager) []*os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			m.t.Cleanup(func() { _, _ = r.Close(), w.Close() })
			return []*os.File{r}
		}, "use the socket that the service manager gave"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newManager(t)
			cmd, stderr := m.run(tt.give(m)...)
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) {
				t.Errorf("got %v, want that it refuses to run", err)
			}
			if !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("got %q, want %q in it", stderr, tt.want)
			}
		})
	}
}
