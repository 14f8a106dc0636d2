package dropfolder_test

import (
	"syscall"
	"testing"
	"time"
)

// setTime gives a file a modification time, which os.Chtimes holds up to 2262
// only.
func setTime(t *testing.T, path string, at time.Time) {
	t.Helper()
	ts := syscall.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	if err := syscall.UtimesNano(path, []syscall.Timespec{ts, ts}); err != nil {
		t.Fatal(err)
	}
}
