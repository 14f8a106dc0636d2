package watch

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// extremes are times that a file may bear: from a camera without a clock, a
// restored archive, or a machine that is wrong by centuries.
var extremes = []time.Time{
	time.Unix(0, 0), time.Unix(0, 1), time.Unix(-1, 999999999), time.Date(1902, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2262, 4, 11, 23, 47, 17, 0, time.UTC), time.Date(2400, 2, 29, 1, 2, 3, 4, time.UTC),
}

// setTime gives a file a modification time that os.Chtimes may not hold.
func setTime(t *testing.T, path string, at time.Time) {
	t.Helper()
	ts := syscall.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	if err := syscall.UtimesNano(path, []syscall.Timespec{ts, ts}); err != nil {
		t.Fatal(err)
	}
}

// TestFinish_aFileOfAnyTimeIsMovedWithIt moves by name, by link, and by copy.
func TestFinish_aFileOfAnyTimeIsMovedWithIt(t *testing.T) {
	for name, mode := range map[string]*Finisher{"linux": {}, "plain": {plain: true}, "other device": {far: true}} {
		for _, at := range extremes {
			t.Run(fmt.Sprint(name, at.Year()), func(t *testing.T) {
				d := newDesk(t)
				setTime(t, filepath.Join(d.dir, "calls/talk.mp3"), at)
				in := d.intent(Move, "done/calls/talk.mp3")
				if !in.Stat.Modified().Equal(at) {
					t.Skipf("the file system keeps %s as %s", at, in.Stat.Modified())
				}
				f := &Finisher{Place: Place{Dir: d.dir}, plain: mode.plain, far: mode.far}
				for range 2 { // a repeat finds what the first call did
					if out, err := f.Finish(t.Context(), in); err != nil || out.MovedTo != "done/calls/talk.mp3" {
						t.Fatalf("got %+v, %v, want it moved to done/calls/talk.mp3", out, err)
					}
				}
				if got := d.stat("done/calls/talk.mp3").Modified(); !got.Equal(at) {
					t.Errorf("got the time %s, want %s", got, at)
				}
			})
		}
	}
}
