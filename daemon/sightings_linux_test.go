package daemon_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// sightings counts how often each name was given to a file in some directories,
// by the word of the kernel: a file that is written twice is seen twice.
type sightings struct {
	t       testing.TB
	fd      *os.File
	dirs    map[int32]string
	stopped chan struct{}

	mu   sync.Mutex
	seen map[string]int
}

// look begins to count in dirs, until the test ends.
func look(t testing.TB, dirs ...string) *sightings {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	s := &sightings{t: t, fd: os.NewFile(uintptr(fd), "inotify"), dirs: map[int32]string{}, seen: map[string]int{}, stopped: make(chan struct{})}
	for _, dir := range dirs {
		wd, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
		if err != nil {
			t.Fatal(err)
		}
		s.dirs[int32(wd)] = dir
	}
	go s.count()
	t.Cleanup(func() {
		s.fd.Close()
		<-s.stopped
	})
	return s
}

func (s *sightings) count() {
	defer close(s.stopped)
	buf := make([]byte, 1<<20)
	for {
		n, err := s.fd.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			s.t.Errorf("read what happened: %v", err)
			return
		}
		s.mu.Lock()
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			wd, mask := int32(binary.NativeEndian.Uint32(rest)), binary.NativeEndian.Uint32(rest[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
			if mask&unix.IN_Q_OVERFLOW != 0 {
				s.t.Error("the kernel lost some of what happened")
			}
			name, _, _ := bytes.Cut(rest[unix.SizeofInotifyEvent:end], []byte{0})
			s.seen[filepath.Join(s.dirs[wd], string(name))]++
			rest = rest[end:]
		}
		s.mu.Unlock()
	}
}

// counts returns how often each path appeared.
func (s *sightings) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}
