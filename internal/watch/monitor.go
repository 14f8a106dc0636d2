package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// runMonitor keeps the watches: it notices when the folder goes and comes back,
// and scans what is new, all of it every few minutes.
func (w *Watcher) runMonitor(ctx context.Context) {
	var n *notifier
	defer func() { w.closeNotifier(n) }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.monitor:
		case <-timer.C:
		}
		n = w.attend(n)
		w.unwatchDirs(n)
		n = w.scanWanted(ctx, n)
		timer.Reset(w.intervals.presence)
	}
}

// attend looks whether the folder is there and is the one that n watches. It
// returns the notifier that watches it now: n, another one, or nil.
func (w *Watcher) attend(n *notifier) *notifier {
	w.mu.Lock()
	place, attached, lost := w.place, w.attached, w.lost
	w.lost = false
	w.mu.Unlock()
	root, st, err := place.open()
	if err != nil {
		w.detach(err)
		w.closeNotifier(n)
		return nil
	}
	defer root.Close()
	if attached != nil && !lost && sameDir(st, *attached) {
		return n
	}
	if err := w.mayAttach(); err != nil {
		w.detach(err)
		w.closeNotifier(n)
		return nil
	}
	if err := w.recordIdentity(place, root, st); err != nil {
		w.detach(err)
		w.closeNotifier(n)
		return nil
	}
	w.closeNotifier(n)
	n = w.openNotifier()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.absent != nil {
		w.log.Info("the folder is there")
	}
	w.attached, w.absent, w.fullScan = &st, nil, true
	w.firstLook.Do(func() { close(w.looked) })
	clear(w.watched)
	clear(w.goneDirs)
	clear(w.newDirs)
	signal(w.checker)
	return n
}

// mayAttach asks whether the folder may be watched.
func (w *Watcher) mayAttach() error {
	if w.opt.May == nil {
		return nil
	}
	err := w.opt.May()
	if errors.Is(err, api.Conflict) {
		return &blockedError{error: err}
	}
	if err != nil {
		return offline(w.opt.Place.Dir, err)
	}
	return nil
}

func (w *Watcher) recordIdentity(place Place, root *os.Root, st Stat) error {
	id, err := place.adopt(root, st)
	if err != nil {
		return err
	}
	if id == place.Identity {
		return nil
	}
	if w.opt.Adopted != nil {
		if err := w.opt.Adopted(id); err != nil {
			return fmt.Errorf("record what the folder is known by: %w", err)
		}
	}
	w.mu.Lock()
	w.place.Identity = id
	w.mu.Unlock()
	return nil
}

func (w *Watcher) detach(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.absent == nil || w.absent.Error() != err.Error() {
		w.log.Warn("the folder is not there", "reason", err)
	}
	w.attached, w.absent = nil, err
	w.firstLook.Do(func() { close(w.looked) })
	clear(w.watched)
}

func (w *Watcher) closeNotifier(n *notifier) {
	if n == nil {
		return
	}
	if err := n.close(); err != nil {
		w.log.Warn("close the watches", "error", err)
	}
}

// openNotifier begins to receive events, and decides whether to poll. It
// returns nil where the system grants no events at all.
func (w *Watcher) openNotifier() *notifier {
	n, err := openNotifier(w.opt.Place.Dir, w.marks, w.hooks)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.poll.remote, w.poll.limit = w.hooks.kind(w.opt.Place.Dir), err
	w.choosePolling()
	return n
}

// choosePolling sets how often to poll, and why. Call it with mu held.
func (w *Watcher) choosePolling() {
	p, every := &w.poll, w.opt.Rules.PollEvery
	was := p.every
	p.every, p.reason = 0, ""
	switch {
	case p.remote != "":
		p.every, p.reason = w.intervals.poll, p.remote+" does not tell of changes made elsewhere"
	case p.limit != nil && isLimit(p.limit):
		p.every, p.reason = w.intervals.poll, "the system grants no more watches; raise its limit with: "+limitFix(p.limit)
	case p.limit != nil:
		p.every, p.reason = w.intervals.poll, fmt.Sprintf("the system gives no events: %v", p.limit)
	case every > 0:
		p.reason = "as the folder's options ask"
	}
	switch {
	case every > 0:
		p.every = every
	case w.opt.Rules.PollOff && p.every > 0:
		p.every, p.reason = 0, p.reason+"; polling is off, so files are seen every "+w.intervals.rescan.String()
	}
	if p.every > 0 && was == 0 {
		w.log.Info("the folder is polled", "every", p.every, "reason", p.reason)
	}
	w.track.settle = w.settleTime()
}

// unwatchDirs ends the watches on directories that were removed or renamed, with
// all below them: a watch follows a renamed directory, and would go on to report
// its old name.
func (w *Watcher) unwatchDirs(n *notifier) {
	w.mu.Lock()
	var old []string
	for gone := range w.goneDirs {
		for dir := range w.watched {
			if dir == gone || strings.HasPrefix(dir, gone+"/") {
				old = append(old, dir)
				delete(w.watched, dir)
			}
		}
	}
	clear(w.goneDirs)
	w.mu.Unlock()
	if n == nil {
		return
	}
	for _, dir := range old {
		if err := n.unwatch(dir); err != nil {
			w.log.Debug("end a watch", "path", Printable(dir), "error", err)
		}
	}
}

// scanWanted scans what is to be scanned. Where the system granted no events
// before, it asks again; it returns the notifier to use from now on.
func (w *Watcher) scanWanted(ctx context.Context, n *notifier) *notifier {
	dirs, full := w.takeWanted()
	if len(dirs) == 0 {
		return n
	}
	if n == nil {
		n = w.openNotifier()
	}
	err := w.scan(ctx, n, dirs, full)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scanning = false
	switch {
	case err == nil && full:
		w.lastScan = time.Now()
	case err != nil && ctx.Err() == nil:
		w.fullScan = true // when the folder is looked at next
		if !errors.Is(err, errNotAttached) {
			w.log.Warn("scan the folder", "error", err)
		}
	}
	return n
}

// takeWanted returns the directories to scan now, and whether they are all.
func (w *Watcher) takeWanted() (dirs []string, full bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.attached == nil {
		return nil, false
	}
	every := w.intervals.rescan
	if w.poll.every > 0 {
		every = w.poll.every
	}
	full = w.fullScan || time.Since(w.lastScan) >= every
	if dirs = slices.Sorted(maps.Keys(w.newDirs)); full {
		dirs = []string{"."}
	}
	clear(w.newDirs)
	w.fullScan, w.scanning = false, full
	return dirs, full
}
