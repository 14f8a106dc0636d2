package watch

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"github.com/voxparse/voxparse/internal/fsx"
)

// marks is where the event goroutine leaves what it saw. It only ever marks: a
// handler that looked at each file would be too slow for a burst, and the
// kernel would drop events.
type marks struct {
	wake chan struct{} // capacity 1

	mu       sync.Mutex
	paths    map[string]fsnotify.Op
	overflow bool
}

func newMarks() *marks {
	return &marks{wake: make(chan struct{}, 1), paths: map[string]fsnotify.Op{}}
}

func (m *marks) add(path string, op fsnotify.Op) {
	m.mu.Lock()
	m.paths[path] |= op
	m.mu.Unlock()
	signal(m.wake)
}

func (m *marks) lost() {
	m.mu.Lock()
	m.overflow = true
	m.mu.Unlock()
	signal(m.wake)
}

// take returns what was marked since it was called last.
func (m *marks) take() (paths map[string]fsnotify.Op, overflow bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.paths) > 0 { // an empty one stays ours
		paths, m.paths = m.paths, map[string]fsnotify.Op{}
	}
	overflow, m.overflow = m.overflow, false
	return paths, overflow
}

// signal wakes whoever waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const separator = string(filepath.Separator)

// notifier is the system's events for the directories it was given. Its paths
// are relative to dir, "." for dir itself.
type notifier struct {
	dir    string
	events *fsnotify.Watcher
	add    func(*fsnotify.Watcher, string) error
	done   chan struct{}
}

// notifyHooks replace calls of the system in tests.
type notifyHooks struct {
	open func() (*fsnotify.Watcher, error)
	add  func(*fsnotify.Watcher, string) error
	kind func(dir string) string
}

func systemHooks() notifyHooks {
	return notifyHooks{
		open: fsnotify.NewWatcher,
		add:  (*fsnotify.Watcher).Add,
		kind: fsx.RemoteKind,
	}
}

// openNotifier starts the goroutine that marks; close ends it.
func openNotifier(dir string, m *marks, h notifyHooks) (*notifier, error) {
	events, err := h.open()
	if err != nil {
		return nil, err
	}
	n := &notifier{dir: dir, events: events, add: h.add, done: make(chan struct{})}
	go n.mark(m)
	return n, nil
}

func (n *notifier) mark(m *marks) {
	defer close(n.done)
	events, errs := n.events.Events, n.events.Errors
	for events != nil || errs != nil {
		select {
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			m.add(n.rel(ev.Name), ev.Op)
		case _, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			m.lost() // an overflow or a failed read: either way something was not told
		}
	}
}

func (n *notifier) rel(name string) string {
	rel := strings.TrimPrefix(name[min(len(n.dir), len(name)):], separator)
	if rel == "" {
		return "."
	}
	return filepath.ToSlash(rel)
}

func (n *notifier) path(rel string) string {
	if rel == "." {
		return n.dir
	}
	return strings.TrimSuffix(n.dir, separator) + separator + filepath.FromSlash(rel)
}

// watch begins to watch the directory rel. It may be repeated.
func (n *notifier) watch(rel string) error { return n.add(n.events, n.path(rel)) }

// unwatch stops to watch rel, which may be gone already.
func (n *notifier) unwatch(rel string) error {
	err := n.events.Remove(n.path(rel))
	if errors.Is(err, fsnotify.ErrNonExistentWatch) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

func (n *notifier) close() error {
	err := n.events.Close()
	<-n.done
	return err
}

// isLimit reports whether err says that the system grants no more watches.
func isLimit(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || isInstanceLimit(err)
}

func isInstanceLimit(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
