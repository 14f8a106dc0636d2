package watch

import (
	"container/heap"
	"time"
)

// phase is where a file stands on its way to being named.
type phase uint8

const (
	settling phase = iota // its looks do not agree for long enough yet
	checking              // with a hasher, or waiting for one
	hashing               // its content is being read
	handing               // hashed; waiting to be accepted
	blocked               // it cannot be read
)

// How long a file that is settled but not free is left alone.
const (
	recheckWriter = 500 * time.Millisecond // no event tells that a writer closed it
	recheckSlow   = 3 * time.Second        // one that has it open for minutes
	retryBlocked  = 5 * time.Second        // doubled up to retryLongest
	retryLongest  = 30 * time.Second
)

// file is a file that is not accounted for yet.
type file struct {
	path    string
	stat    Stat
	phase   phase
	first   time.Time // the first look
	since   time.Time // the first look that saw stat
	settled time.Time // when it was found complete
	due     time.Time // the next look, while settling or blocked
	index   int       // in the heap; -1 outside
	change  string    // what made since later than first
	wait    string    // what it waits for although its looks agree
	tries   int       // of wait, one after another
	again   bool      // it changed while it was with a hasher or being handed over
	retry   bool      // it failed before, and another try was asked for
	sum     string    // SHA-256, while handing
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
// begins to settle.
func (t *tracker) touch(path string, st Stat, now time.Time) *file {
	f, ok := t.files[path]
	if !ok {
		f = &file{path: path, stat: st, first: now, since: now, index: -1}
		t.files[path] = f
		t.schedule(f, now.Add(t.settle))
		return f
	}
	switch {
	case f.phase == settling && st != f.stat, f.phase == blocked && st != f.stat:
		t.restart(f, st, now)
	case f.phase == blocked, f.phase == settling && f.wait != "":
		// An event may tell that what it waits for is over.
		t.schedule(f, later(f.since.Add(t.settle), now))
	case st != f.stat:
		f.again = true
	}
	return f
}

// restart begins to settle anew at st.
func (t *tracker) restart(f *file, st Stat, now time.Time) {
	f.change = st.change(f.stat)
	f.stat, f.since = st, now
	f.phase, f.wait, f.tries, f.again = settling, "", 0, false
	t.schedule(f, now.Add(t.settle))
}

// look takes the look that was due and reports whether f is settled: it saw
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
	f.phase = checking
	t.unschedule(f)
	return true
}

// hold leaves a settled file for a while, because of why.
func (t *tracker) hold(f *file, why string, now time.Time) {
	f.phase = settling
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
	t.schedule(f, now.Add(min(retryBlocked<<min(f.tries-1, 8), retryLongest)))
}

func (f *file) count(why string) {
	if f.wait != why {
		f.wait, f.tries = why, 0
	}
	f.tries++
}

// drop forgets path: it is gone, or accounted for.
func (t *tracker) drop(path string) {
	if f, ok := t.files[path]; ok {
		t.unschedule(f)
		delete(t.files, path)
	}
}

// holds reports whether f is still tracked, and not a later file of its name.
func (t *tracker) holds(f *file) bool { return t.files[f.path] == f }

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

func (q *dueQueue) Push(x any) {
	f := x.(*file)
	f.index = len(*q)
	*q = append(*q, f)
}

func (q *dueQueue) Pop() any {
	old := *q
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	f.index = -1
	return f
}
