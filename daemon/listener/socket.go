package listener

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// lookEvery is how often it is looked whether the socket is at its path still.
const lookEvery = 2 * time.Second

// socket is a Unix socket that is bound again when it vanishes from its path, as
// by a cleaner of temporary folders, or with the runtime folder of a log-in that
// has ended: whoever comes later would find nobody there.
type socket struct {
	path string
	log  *slog.Logger
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	current *net.UnixListener
	bound   fs.FileInfo // at path, by us
	trouble string      // why it was not bound again, as logged
}

// keepSocket binds path and looks after it until it is closed.
func keepSocket(ctx context.Context, path string, log *slog.Logger, every time.Duration) (*socket, error) {
	s := &socket{path: path, log: log, done: make(chan struct{})}
	var err error
	if s.current, s.bound, err = bindSocket(ctx, path); err != nil {
		return nil, err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(s.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.look(ctx)
			}
		}
	}()
	return s, nil
}

// bindSocket binds path, and takes the place of a socket that nobody serves.
func bindSocket(ctx context.Context, path string) (*net.UnixListener, fs.FileInfo, error) {
	if err := fsx.TrustedDir(filepath.Dir(path)); err != nil {
		return nil, nil, fmt.Errorf("prepare the folder of the socket: %w", err)
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, fmt.Errorf("look at the socket: %w", err)
	case st.Mode().Type() != fs.ModeSocket:
		return nil, nil, api.Errorf(api.Invalid, "%s exists and is not a socket; move it away, or set another path with --socket", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, nil, fmt.Errorf("remove the stale socket: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, nil, fmt.Errorf("bind %s: %w", path, err)
	}
	u := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false) // another socket may be at the path by then
	err = os.Chmod(path, 0o600)
	if err == nil {
		st, err = os.Lstat(path)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("restrict the socket: %w", err), u.Close())
	}
	return u, st, nil
}

// look binds the socket again where it is gone. One that another process serves
// at the path is left alone.
func (s *socket) look(ctx context.Context) {
	st, err := os.Lstat(s.path)
	if err == nil && os.SameFile(st, s.bound) {
		s.complain("")
		return
	}
	if err == nil && served(ctx, s.path) {
		s.complain("another process serves a socket there")
		return
	}
	l, bound, err := bindSocket(ctx, s.path)
	if err != nil {
		s.complain(err.Error())
		return
	}
	s.mu.Lock()
	old := s.current
	s.current, s.bound = l, bound
	s.mu.Unlock()
	_ = old.Close() // Accept goes on with the new one
	s.complain("")
	s.log.Warn("the socket had vanished, and is bound again", "path", s.path)
}

// served reports whether somebody listens at path.
func served(ctx context.Context, path string) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// complain logs why the socket is gone, once.
func (s *socket) complain(why string) {
	if why != "" && why != s.trouble {
		s.log.Error("the socket has vanished, and cannot be bound again", "path", s.path, "reason", why)
	}
	s.trouble = why
}

func (s *socket) listener() *net.UnixListener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Accept returns the next connection.
func (s *socket) Accept() (net.Conn, error) {
	for {
		l := s.listener()
		c, err := l.Accept()
		if err == nil || s.listener() == l {
			return c, err
		}
	}
}

// Addr returns the address of the socket.
func (s *socket) Addr() net.Addr { return s.listener().Addr() }

// Close ends Accept, and removes the socket if it is ours still.
func (s *socket) Close() error {
	s.stop()
	<-s.done
	if st, err := os.Lstat(s.path); err == nil && os.SameFile(st, s.bound) {
		_ = os.Remove(s.path) // the next daemon takes its place, too
	}
	return s.current.Close()
}
