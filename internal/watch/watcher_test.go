package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/voxparse/voxparse/api"
)

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestWatcher_namesAFileOnceWithItsHash(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	r.write("talk.mp3", "some audio")
	got := r.wait(1)[0]
	if got.Path != "talk.mp3" || got.SHA256 != sum("some audio") || got.Stat.Size != 10 || got.Retry {
		t.Errorf("got %+v, want talk.mp3 with the hash of its content", got)
	}
	if d := got.Complete.Sub(got.First); d < testSettle {
		t.Errorf("got named %v after it was first seen, want at least %v", d, testSettle)
	}
	r.quiet()
	if n := len(r.paths()); n != 1 {
		t.Errorf("got named %d times, want once", n)
	}
}

func TestWatcher_namesFilesThatAreThereAtTheStart(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "old.wav"), "audio")
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "old.wav"), old, old); err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, api.FolderOptions{}, nil)
	got := r.wait(1)[0]
	if d := got.Complete.Sub(got.First); d < testSettle {
		t.Errorf("got an old file named after %v, want at least %v: age must not count", d, testSettle)
	}
}

func TestWatcher_waitsForASlowWriter(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	f, err := os.Create(filepath.Join(r.dir, "slow.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content := ""
	for i := range 4 { // each byte later than a settle time after the one before
		if _, err := f.WriteString("x"); err != nil {
			t.Fatal(err)
		}
		content += "x"
		r.until("the writer is noticed", func() bool {
			return strings.Contains(r.explain("slow.mp3"), "; a writer has it open")
		})
		since := time.Now()
		r.until("its looks agree", func() bool {
			r.Watcher.mu.Lock()
			defer r.Watcher.mu.Unlock()
			f := r.track.files["slow.mp3"]
			return f != nil && f.tries > i && time.Since(since) > testSettle
		})
	}
	if n := len(r.paths()); n != 0 {
		t.Fatalf("got it named while a writer has it open")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(1)[0]; got.SHA256 != sum(content) {
		t.Errorf("got hash %s, want that of %q", got.SHA256, content)
	}
	r.quiet()
}

func TestWatcher_overflowLosesNoFile(t *testing.T) {
	var events *fsnotify.Watcher
	r := start(t, "", api.FolderOptions{Recursive: true}, func(w *Watcher) {
		w.hooks.open = func() (*fsnotify.Watcher, error) {
			var err error
			events, err = fsnotify.NewWatcher()
			return events, err
		}
		w.hooks.add = func(w *fsnotify.Watcher, dir string) error { // watches that tell nothing
			return nil
		}
	})
	r.watching()
	r.write("a/b/talk.mp3", "audio")
	events.Errors <- fsnotify.ErrEventOverflow
	if got := r.wait(1)[0]; got.Path != "a/b/talk.mp3" {
		t.Errorf("got %q, want a/b/talk.mp3", got.Path)
	}
}

func TestWatcher_namesTenThousandFilesOnce(t *testing.T) {
	r := start(t, "", api.FolderOptions{Recursive: true}, nil)
	r.watching()
	const n = 10_000
	want := make([]string, 0, n)
	for i := range n {
		p := fmt.Sprintf("d%02d/e%d/f%05d.mp3", i%50, i%3, i)
		want = append(want, p)
		r.write(p, fmt.Sprint(i/2)) // every content twice
	}
	r.wait(n)
	r.quiet()
	slices.Sort(want)
	if got := r.paths(); !slices.Equal(got, want) {
		t.Errorf("got %d files named, want each of %d once", len(got), n)
	}
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	if most := slices.Max(r.batches); most > 500 {
		t.Errorf("got a batch of %d, want at most 500", most)
	}
	t.Logf("%d files in %d batches", n, len(r.batches))
}

func TestWatcher_givesRefusedFilesAgain(t *testing.T) {
	l := newLedger()
	l.refuse = errors.New("no space")
	dir := t.TempDir()
	r := startWith(t, dir, api.FolderOptions{}, l, nil)
	r.write("keeps.mp3", "1")
	r.write("changes.mp3", "1")
	r.until("a refusal is told", func() bool {
		return r.State().State == "blocked" && strings.Contains(r.explain("keeps.mp3"), "no space")
	})
	r.write("changes.mp3", "22")
	l.mu.Lock()
	l.refuse = nil
	l.mu.Unlock()
	r.wait(2)
	r.quiet()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.got {
		if want := map[string]string{"keeps.mp3": sum("1"), "changes.mp3": sum("22")}[c.Path]; c.SHA256 != want && c.SHA256 != sum("1") {
			t.Errorf("got %s with hash %s, want %s", c.Path, c.SHA256, want)
		}
	}
	if last := l.got[len(l.got)-1]; len(l.got) > 2 && (last.Path != "changes.mp3" || last.SHA256 != sum("22")) {
		t.Errorf("got %+v named last, want changes.mp3 as it is now", last)
	}
}

func TestPause_namesNothingAndResumeNamesAll(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	r.Pause()
	r.write("talk.mp3", "audio")
	r.until("it is seen", func() bool { return r.State().Counts["settling"] == 1 })
	r.scanned()
	if s := r.State(); s.State != "paused" || len(r.paths()) != 0 {
		t.Errorf("got state %s and files %q, want paused and none", s.State, r.paths())
	}
	r.Resume()
	r.wait(1)
}

func TestWatcher_triesAgainWhenTheErrorFileIsDeleted(t *testing.T) {
	for _, name := range []string{"talk.mp3.error.json", "talk.mp3.error (2).json"} {
		t.Run(name, func(t *testing.T) {
			r := start(t, "", api.FolderOptions{}, nil)
			r.write("talk.mp3", "audio")
			c := r.wait(1)[0]
			r.write(name, "{}")
			r.ledger.mu.Lock()
			r.set(c.Path, c.Stat, Seen{Accounted: true, ErrorFile: name})
			r.ledger.mu.Unlock()
			r.quiet()
			if n := len(r.paths()); n != 1 {
				t.Fatalf("got named %d times while its error file is there, want once", n)
			}
			if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
				t.Fatal(err)
			}
			if got := r.wait(2)[1]; got.Path != c.Path || !got.Retry {
				t.Errorf("got %+v, want talk.mp3 again, as a retry", got)
			}
		})
	}
}

func TestWatcher_doesNotHashAgainWhatIsKnown(t *testing.T) {
	l := newLedger()
	dir := t.TempDir()
	first := startWith(t, dir, api.FolderOptions{}, l, nil)
	first.write("talk.mp3", "audio")
	first.wait(1)
	first.stop()
	second := startWith(t, dir, api.FolderOptions{}, l, nil)
	second.watching()
	second.quiet()
	if n := len(second.paths()); n != 1 {
		t.Errorf("got named %d times over two runs, want once", n)
	}
}
