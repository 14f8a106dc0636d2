package watch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/internal/retry"
)

func TestTracker_completeWhenTwoLooksAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracker(5 * time.Second)
		f := tr.touch("talk.mp3", Stat{Size: 1}, time.Now())
		for size := int64(2); size < 10; size++ { // grows in time, each time
			time.Sleep(4 * time.Second)
			tr.touch("talk.mp3", Stat{Size: size}, time.Now())
		}
		time.Sleep(5*time.Second - time.Nanosecond)
		if due := tr.takeDue(time.Now(), 10); len(due) != 0 {
			t.Fatal("got it due before the settle time")
		}
		time.Sleep(time.Nanosecond)
		if due := tr.takeDue(time.Now(), 10); len(due) != 1 || !tr.look(f, Stat{Size: 9}, time.Now()) {
			t.Fatal("got it not complete after the settle time")
		}
		if at, ok := tr.next(); ok {
			t.Errorf("got a look due at %v for a complete file, want none", at)
		}
	})
}

func TestTracker_anyDifferenceBeginsAnew(t *testing.T) {
	was := Stat{Dev: 1, Inode: 2, Size: 3, Sec: 4}
	tests := map[string]Stat{
		"was replaced": {Dev: 1, Inode: 9, Size: 3, Sec: 4},
		"size grew":    {Dev: 1, Inode: 2, Size: 9, Sec: 4},
		"size shrank":  {Dev: 1, Inode: 2, Size: 1, Sec: 4},
		"was modified": {Dev: 1, Inode: 2, Size: 3, Sec: 3},
	}
	for want, st := range tests {
		tr, now := newTracker(time.Second), time.Now()
		f := tr.touch("talk.mp3", was, now)
		tr.takeDue(now.Add(time.Second), 1)
		if tr.look(f, st, now.Add(time.Second)) || f.change != want || !f.since.Equal(now.Add(time.Second)) {
			t.Errorf("got %q since %v, want %q since the last look", f.change, f.since.Sub(now), want)
		}
	}
}

func TestTracker_asksAboutAWriterLessOftenButForEver(t *testing.T) {
	tr, now := newTracker(5*time.Second), time.Now()
	f := tr.touch("talk.mp3", Stat{Size: 1}, now)
	last := time.Duration(0)
	for range 5000 {
		now = f.due
		tr.takeDue(now, 1)
		if !tr.look(f, Stat{Size: 1}, now) {
			t.Fatal("got it changing, want it to wait for its writer only")
		}
		tr.postpone(f, "a writer has it open", now)
		last = f.due.Sub(now)
		if last <= 0 || last > recheckSlow {
			t.Fatalf("got %v to the next look, want at most %v", last, recheckSlow)
		}
	}
	if last != recheckSlow {
		t.Errorf("got asked again after %v in the end, want %v", last, recheckSlow)
	}
}

func TestTracker_triesABlockedFileLessOften(t *testing.T) {
	tr, now := newTracker(time.Second), time.Now()
	f := tr.touch("talk.mp3", Stat{Size: 1}, now)
	for i, want := range []time.Duration{5e9, 10e9, 20e9, 30e9, 30e9} {
		tr.block(f, "permission denied", now)
		spread := time.Duration(retry.Spread*float64(want)) + 1
		if got := f.due.Sub(now); got < want-spread || got > want+spread {
			t.Errorf("try %d: got %v, want about %v", i, got, want)
		}
	}
	tr.touch("talk.mp3", Stat{Size: 1}, now.Add(2*time.Second)) // an event about it
	if got := f.due.Sub(now); got != 2*time.Second {
		t.Errorf("got the next look after %v, want at once after an event", got)
	}
}

func TestTracker_firstSeenFirst(t *testing.T) {
	tr, now := newTracker(time.Second), time.Now()
	for i := range 1000 {
		tr.touch(fmt.Sprint((i*7919)%1000), Stat{Size: 1}, now.Add(time.Duration(i)))
	}
	last := time.Time{}
	for _, f := range tr.takeDue(now.Add(time.Hour), 2000) {
		if f.first.Before(last) {
			t.Fatal("got a file before one that was seen earlier")
		}
		last = f.first
	}
	if n := len(tr.queue); n != 0 {
		t.Errorf("got %d left, want none", n)
	}
}
