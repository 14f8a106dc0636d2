package watch

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// TestWatcher_realOverflowLosesNoFile fills the kernel's queue: whoever takes events
// from it is held up meanwhile.
func TestWatcher_realOverflowLosesNoFile(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || most > 1<<20 {
		t.Skipf("the queue of this system takes %s events (%v)", text, err)
	}
	var told bytes.Buffer
	r := start(t, "", api.FolderOptions{Recursive: true}, func(w *Watcher) { w.log = slog.New(slog.NewTextHandler(&told, nil)) })
	r.watching()
	r.marks.mu.Lock()
	for i := range most + 10_000 { // two events in turn: equal ones become one
		name := filepath.Join(r.dir, strconv.Itoa(i%2))
		if i < 2 {
			err = os.WriteFile(name, nil, 0o600)
		} else {
			err = os.Chmod(name, 0o600)
		}
		if err != nil {
			r.marks.mu.Unlock()
			t.Fatal(err)
		}
	}
	r.write("a/b/talk.mp3", "nobody was told of it")
	r.marks.mu.Unlock()
	if got := r.wait(1)[0]; got.Path != "a/b/talk.mp3" {
		t.Errorf("got %q, want a/b/talk.mp3", got.Path)
	}
	r.quiet()
	r.stop()
	if !strings.Contains(told.String(), "events were lost") {
		t.Errorf("got the log %q, want that events were lost", told.String())
	}
}
