package watch

import (
	"container/heap"
	"time"

	"github.com/voxparse/voxparse/internal/retry"
)

// phase is where a file stands on its way to being named.
type phase uint8

const (
	changing phase = iota // its looks do not agree for long enough yet: "settling" on the wire
	unread                // with a hasher, or waiting for one
	hashing               // its content is being read
	handing               // hashed; waiting to be accepted
	blocked               // it cannot be read
)

// How long a file that is complete but not free is left alone.
const (
	recheckWriter = 500 * time.Millisecond // no event tells that a writer closed it
	recheckSlow   = 3 * time.Second        // one that has it open for minutes
)

// blockedRetry says when a file that cannot be read is tried again.
var blockedRetry = retry.Backoff{First: 5 * time.Second, Most: 30 * time.Second}

// file is a file that is not accounted for yet.
type file struct {
	path     string
	stat     Stat
	phase    phase
	first    time.Time // the first look
	since    time.Time // the first look that saw stat
	complete time.Time // when it was found complete
	due      time.Time // the next look, while changing or blocked
	index    int       // in the heap; -1 outside
	change   string    // what made since later than first
	wait     string    // what it waits for although its looks agree
	tries    int       // of wait, one after another
	again    bool      // it changed while it was with a hasher or being handed over
	retry    bool      // it failed before, and another try was asked for
	sum      string    // SHA-256, while handing
}

// tracker holds the files that are on their way, and nothing of those that are
// accounted for, however many there are. It looks at no clock and no disk.
type tracker struct {
	settle time.Duration
	files  map[string]*file
	queue  dueQueue
}

func newTracker(settle time.Duration) *tracker {
	return &tracker{settle: settle, files: map[string]*file{}}
}

// touch takes a look at path that saw st. A file that is new or has changed
// is looked at for the settle time.
func (t *tracker) touch(path string, st Stat, now time.Time) *file {
	f, ok := t.files[path]
	if !ok {
		f = &file{path: path, stat: st, first: now, since: now, index: -1}
		t.files[path] = f
		t.schedule(f, now.Add(t.settle))
		return f
	}
	switch {
	case f.phase == changing && st != f.stat, f.phase == blocked && st != f.stat:
		t.restart(f, st, now)
	case f.phase == blocked, f.phase == changing && f.wait != "":
		// An event may tell that what it waits for is over.
		t.schedule(f, later(f.since.Add(t.settle), now))
	case st != f.stat:
		f.again = true
	}
	return f
}

// restart begins the settle time again, at st.
func (t *tracker) restart(f *file, st Stat, now time.Time) {
	f.change = st.change(f.stat)
	f.stat, f.since = st, now
	f.phase, f.wait, f.tries, f.again = changing, "", 0, false
	t.schedule(f, now.Add(t.settle))
}

// look takes the look that was due and reports whether f is complete: it saw
// what a look saw that is at least the settle time older.
func (t *tracker) look(f *file, st Stat, now time.Time) bool {
	if st != f.stat {
		t.restart(f, st, now)
		return false
	}
	if ripe := f.since.Add(t.settle); now.Before(ripe) {
		t.schedule(f, ripe)
		return false
	}
	f.phase = unread
	t.unschedule(f)
	return true
}

// postpone leaves a complete file for a while, because of why.
func (t *tracker) postpone(f *file, why string, now time.Time) {
	f.phase = changing
	f.count(why)
	wait := min(recheckWriter, max(t.settle/4, 20*time.Millisecond))
	if f.tries > 60 { // half a minute: a recording, not a copy
		wait = min(now.Sub(f.since)/30, recheckSlow)
	}
	t.schedule(f, now.Add(wait))
}

// block leaves a file that cannot be read, because of why.
func (t *tracker) block(f *file, why string, now time.Time) {
	f.phase = blocked
	f.count(why)
	t.schedule(f, now.Add(blockedRetry.After(f.tries)))
}

func (f *file) count(why string) {
	if f.wait != why {
		f.wait, f.tries = why, 0
	}
	f.tries++
}

// drop removes path: it is gone, or accounted for.
func (t *tracker) drop(path string) {
	if f, ok := t.files[path]; ok {
		t.unschedule(f)
		delete(t.files, path)
	}
}

// has reports whether f is still tracked, and not a later file of its name.
func (t *tracker) has(f *file) bool { return t.files[f.path] == f }

// next returns when the next look is due.
func (t *tracker) next() (time.Time, bool) {
	if len(t.queue) == 0 {
		return time.Time{}, false
	}
	return t.queue[0].due, true
}

// takeDue returns up to limit files whose look is due at now, the longest due
// first. Each is to be given to look, drop or schedule.
func (t *tracker) takeDue(now time.Time, limit int) []*file {
	var out []*file
	for len(t.queue) > 0 && len(out) < limit && !t.queue[0].due.After(now) {
		out = append(out, heap.Pop(&t.queue).(*file))
	}
	return out
}

func (t *tracker) schedule(f *file, at time.Time) {
	f.due = at
	if f.index >= 0 {
		heap.Fix(&t.queue, f.index)
		return
	}
	heap.Push(&t.queue, f)
}

func (t *tracker) unschedule(f *file) {
	if f.index >= 0 {
		heap.Remove(&t.queue, f.index)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dueQueue is a heap of files by the time of their next look, then by the time
// of their first.
type dueQueue []*file

func (q dueQueue) Len() int { return len(q) }

func (q dueQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].first.Before(q[j].first)
}

func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap.
func (q *dueQueue) Push(x any) {
	f := x.(*file)
	f.index = len(*q)
	*q = append(*q, f)
}

// Pop is for package heap.
func (q *dueQueue) Pop() any {
	old := *q
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	f.index = -1
	return f
}
