package watch

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestScan_asksAboutManyFilesAtOnce(t *testing.T) {
	dir := t.TempDir()
	for i := range 2300 {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("d%d/%d.mp3", i%3, i)), "x")
	}
	l := newLedger()
	r := startWith(t, dir, api.FolderOptions{Recursive: true, Settle: "1h"}, l, nil)
	r.watching()
	l.mu.Lock()
	defer l.mu.Unlock()
	if want := []int{1000, 1000, 300}; !slices.Equal(l.asked, want) {
		t.Errorf("files in each question: got %v, want %v", l.asked, want)
	}
}

// asker is a Watcher that does not run, and a look of it at one file.
type asker struct {
	*Watcher
	look  look
	asked int
}

// newAsker has known answer, with how often it was asked.
func newAsker(t *testing.T, known func(a *asker) Seen) (*asker, fs.FileInfo) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.mp3"), "audio")
	a := &asker{}
	w, err := New(Options{
		Place: Place{Dir: dir},
		Known: func(context.Context, []Found) []Seen { a.asked++; return []Seen{known(a)} },
		Ready: func(context.Context, []Candidate) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	a.Watcher, a.look = w, look{watcher: w, root: root, began: time.Now()}
	fi, err := root.Stat("a.mp3")
	if err != nil {
		t.Fatal(err)
	}
	return a, fi
}

func TestLook_acceptedWhileItAsks(t *testing.T) {
	a, fi := newAsker(t, func(a *asker) Seen {
		if a.asked == 1 { // the answer is under way when the file is accepted
			a.track.drop("a.mp3")
			return Seen{}
		}
		return Seen{Accounted: true}
	})
	a.track.touch("a.mp3", StatOf(fi), time.Now())
	a.look.add(t.Context(), "a.mp3", fi)
	a.look.ask(t.Context())
	if _, tracked := a.track.files["a.mp3"]; tracked || a.asked != 2 {
		t.Errorf("an accepted file: got tracked %v after %d questions, want it left alone after 2", tracked, a.asked)
	}
}

func TestLook_replacedWhileItAsks(t *testing.T) {
	newer := Stat{Inode: 7, Size: 9}
	a, fi := newAsker(t, func(a *asker) Seen {
		a.track.touch("a.mp3", newer, time.Now())
		return Seen{Accounted: true} // the one that was replaced
	})
	a.look.add(t.Context(), "a.mp3", fi)
	a.look.ask(t.Context())
	if f := a.track.files["a.mp3"]; f == nil || f.stat != newer {
		t.Errorf("a file that was replaced: got %+v, want the newer one on its way", f)
	}
}
