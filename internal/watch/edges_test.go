package watch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/voxparse/voxparse/api"
)

func TestWatcher_copyWithAnOldTimeCountsFromWhenItWasSeen(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	src := filepath.Join(t.TempDir(), "old.mp3")
	writeFile(t, src, "audio")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(src, old, old); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-p", src, r.dir).CombinedOutput(); err != nil {
		t.Fatalf("cp -p: %v: %s", err, out)
	}
	got := r.wait(1)[0]
	if age := time.Since(got.Stat.Modified()); age < 50*time.Minute {
		t.Errorf("got a file modified %v ago, want the old time kept", age)
	}
	if d := got.Complete.Sub(got.First); d < testSettle {
		t.Errorf("got it named after %v, want at least %v", d, testSettle)
	}
}

func TestWatcher_preallocatedFileIsNotNamedBeforeItIsWritten(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	p := filepath.Join(r.dir, "big.wav")
	writeFile(t, p, strings.Repeat("\x00", 4096)) // its size never changes again
	want := ""
	for i := range 6 { // by a program that closes it between its writes
		want = strings.Repeat(fmt.Sprint(i), 4096)
		f, err := os.OpenFile(p, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(want); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		st := r.stat("big.wav")
		r.until("the write is seen", func() bool {
			r.Watcher.mu.Lock()
			defer r.Watcher.mu.Unlock()
			f := r.track.files["big.wav"]
			return f != nil && f.stat == st
		})
	}
	if got := r.wait(1)[0]; got.SHA256 != sum(want) {
		t.Error("got another content named than the last one written")
	}
}

func (r *rig) stat(path string) Stat {
	r.t.Helper()
	fi, err := os.Lstat(filepath.Join(r.dir, path))
	if err != nil {
		r.t.Fatal(err)
	}
	return StatOf(fi)
}

func TestWatcher_namesAFileThatIsRenamedIn(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	outside := filepath.Join(t.TempDir(), "talk.mp3")
	writeFile(t, outside, "from outside")
	if err := os.Rename(outside, filepath.Join(r.dir, "talk.mp3")); err != nil {
		t.Fatal(err)
	}
	r.write(".upload", "from a hidden name")
	if err := os.Rename(filepath.Join(r.dir, ".upload"), filepath.Join(r.dir, "upload.mp3")); err != nil {
		t.Fatal(err)
	}
	r.wait(2)
	r.quiet()
	if got, want := r.paths(), []string{"talk.mp3", "upload.mp3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatcher_namesFilesInDirectoriesMadeAtOnce(t *testing.T) {
	r := start(t, "", api.FolderOptions{Recursive: true}, nil)
	r.watching()
	script := `for i in $(seq 1 100); do mkdir -p $i/b/c && echo $i >$i/one.mp3 && echo $i >$i/b/c/two.mp3; done`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make directories: %v: %s", err, out)
	}
	r.wait(200)
	r.quiet()
	if n := len(r.paths()); n != 200 {
		t.Errorf("got %d named, want 200", n)
	}
}

func TestWatcher_renamedDirectoryIsWatchedUnderItsNewName(t *testing.T) {
	r := start(t, "", api.FolderOptions{Recursive: true}, nil)
	r.write("old/sub/one.mp3", "1")
	r.wait(1)
	if err := os.Rename(filepath.Join(r.dir, "old"), filepath.Join(r.dir, "new")); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(2)[1].Path; got != "new/sub/one.mp3" {
		t.Errorf("got %q, want new/sub/one.mp3", got)
	}
	r.write("new/sub/two.mp3", "2") // told of by the watch alone: the next scan is minutes away
	if got := r.wait(3)[2].Path; got != "new/sub/two.mp3" {
		t.Errorf("got %q, want new/sub/two.mp3", got)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "new")); err != nil {
		t.Fatal(err)
	}
	r.write("new/sub/three.mp3", "3")
	if got := r.wait(4)[3].Path; got != "new/sub/three.mp3" {
		t.Errorf("got %q, want new/sub/three.mp3", got)
	}
}

func TestWatcher_waitsForAPartialDownload(t *testing.T) {
	for _, ext := range siblingExtensions {
		t.Run(ext, func(t *testing.T) {
			r := start(t, "", api.FolderOptions{}, nil)
			r.watching()
			r.write("talk.mp3"+ext, "half")
			r.write("talk.mp3", "placeholder")
			r.until("the sibling is noticed", func() bool {
				return strings.Contains(r.explain("talk.mp3"), "talk.mp3"+ext+" is there: a download goes on")
			})
			if err := os.Rename(filepath.Join(r.dir, "talk.mp3"+ext), filepath.Join(r.dir, "talk.mp3")); err != nil {
				t.Fatal(err)
			}
			if got := r.wait(1)[0]; got.SHA256 != sum("half") {
				t.Errorf("got the placeholder named, want the download")
			}
			r.quiet()
		})
	}
}

func TestWatcher_followsNoSymbolicLink(t *testing.T) {
	outside := t.TempDir()
	writeFile(t, filepath.Join(outside, "secret.mp3"), "secret")
	r := start(t, "", api.FolderOptions{Recursive: true}, nil)
	r.write("sub/real.mp3", "real")
	for name, to := range map[string]string{
		"file.mp3": filepath.Join(outside, "secret.mp3"), "inner.mp3": "sub/real.mp3",
		"dir": outside, "loop": ".", "twin": "sub",
	} {
		if err := os.Symlink(to, filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r.wait(1)
	r.quiet()
	if got, want := r.paths(), []string{"sub/real.mp3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := r.explain("file.mp3"), "ignored: a symbolic link; links are not followed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatcher_doesNotFollowADirectoryThatBecomesALink(t *testing.T) {
	outside := t.TempDir()
	writeFile(t, filepath.Join(outside, "talk.mp3"), "secret")
	r := start(t, "", api.FolderOptions{Recursive: true, Settle: "1s"}, nil)
	r.watching()
	r.write("sub/talk.mp3", "audio")
	r.until("it is seen", func() bool { return r.State().Counts["settling"] == 1 })
	if err := os.RemoveAll(filepath.Join(r.dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(r.dir, "sub")); err != nil {
		t.Fatal(err)
	}
	r.until("it is tracked no more", func() bool { return r.State().Counts["settling"]+r.State().Counts["blocked"] == 0 })
	if got := r.paths(); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestWatcher_namesAreRawBytes(t *testing.T) {
	names := []string{
		"\u00e9.mp3", "e\u0301.mp3", // one letter in two Unicode forms
		"raw-\xff\xfe.mp3", "\xc3/\x80.wav", "new\nline.mp3", "tab\t.mp3", "-rf.mp3", "a\\b.mp3", "*.mp3",
		"call.mp3", "call.wav", "CALL.MP3",
	}
	r := start(t, "", api.FolderOptions{Recursive: true}, nil)
	r.watching()
	for _, n := range names {
		r.write(n, n)
	}
	r.wait(len(names))
	r.quiet()
	want := slices.Sorted(slices.Values(names))
	if got := r.paths(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range r.got {
		if c.SHA256 != sum(c.Path) {
			t.Errorf("%q: got the hash of another file", c.Path)
		}
	}
}

func TestWatcher_namesAFileAgainThatIsReplaced(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.write("talk.mp3", "first")
	first := r.wait(1)[0]
	f := &Finisher{Place: Place{Dir: r.dir}}
	file, err := f.Open(first.Path, first.Stat)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r.write(".new", "second")
	if err := os.Rename(filepath.Join(r.dir, ".new"), filepath.Join(r.dir, "talk.mp3")); err != nil {
		t.Fatal(err)
	}
	if same, err := f.Unchanged(first.Path, first.Stat); same || err != nil {
		t.Errorf("got unchanged %v, %v, want false", same, err)
	}
	out, err := f.Finish(t.Context(), Intent{Path: first.Path, Stat: first.Stat, SHA256: first.SHA256, Action: Delete})
	if err != nil || out.Gone {
		t.Errorf("got %+v, %v, want the new file left alone", out, err)
	}
	second := r.wait(2)[1]
	if second.SHA256 != sum("second") {
		t.Errorf("got hash %s, want that of the new content", second.SHA256)
	}
	r.quiet()
}

func TestWatcher_renamedFolderIsOfflineMeanwhile(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.write("talk.mp3", "audio")
	r.wait(1)
	away := r.dir + "-away"
	if err := os.Rename(r.dir, away); err != nil {
		t.Fatal(err)
	}
	r.until("it is offline", func() bool { return r.State().State == "offline" })
	if got := r.explain("talk.mp3"); !strings.HasPrefix(got, "offline: ") || !strings.Contains(got, "does not exist") {
		t.Errorf("got %q, want offline and that the folder does not exist", got)
	}
	writeFile(t, filepath.Join(away, "later.mp3"), "more")
	if err := os.Rename(away, r.dir); err != nil {
		t.Fatal(err)
	}
	r.wait(2)
	r.write("live.mp3", "told of by the new watch")
	r.wait(3)
	r.quiet()
	if got, want := r.paths(), []string{"later.mp3", "live.mp3", "talk.mp3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: nothing twice", got, want)
	}
}

func TestWatcher_doesNotTakeAnotherFolder(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	if err := os.Rename(r.dir, r.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(r.dir, Marker), "folder_of_somebody\n")
	writeFile(t, filepath.Join(r.dir, "talk.mp3"), "audio")
	r.until("it is offline", func() bool {
		s := r.State()
		return s.State == "offline" && strings.Contains(s.Reason, "another folder")
	})
}

func TestWatcher_limitsOfTheSystemMeanPolling(t *testing.T) {
	tests := map[string]struct {
		tune func(*Watcher)
		want string
	}{
		"watches": {func(w *Watcher) {
			w.hooks.add = func(*fsnotify.Watcher, string) error { return syscall.ENOSPC }
		}, "sudo sysctl fs.inotify.max_user_watches="},
		"instances": {func(w *Watcher) {
			w.hooks.open = func() (*fsnotify.Watcher, error) { return nil, fmt.Errorf("start: %w", syscall.EMFILE) }
		}, "sudo sysctl fs.inotify.max_user_instances="},
		"network": {func(w *Watcher) {
			w.hooks.kind = func(string) string { return "NFS" }
			w.hooks.add = func(*fsnotify.Watcher, string) error { return nil }
		}, "NFS does not tell of changes made elsewhere"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := start(t, "", api.FolderOptions{Recursive: true}, func(w *Watcher) {
				tt.tune(w)
				w.intervals.poll = 100 * time.Millisecond
			})
			r.watching()
			r.until("it polls", func() bool { return r.State().State == "polling" })
			if got := r.State().Reason; !strings.Contains(got, tt.want) {
				t.Errorf("got reason %q, want it to say %q", got, tt.want)
			}
			if got := r.State().Fix; strings.Contains(tt.want, "sysctl") && !strings.HasPrefix(got, tt.want) {
				t.Errorf("got fix %q, want %s…", got, tt.want)
			}
			r.write("a/talk.mp3", "audio")
			r.wait(1)
		})
	}
}

func TestWatcher_pollingThatIsOffStaysOff(t *testing.T) {
	r := start(t, "", api.FolderOptions{Poll: "off"}, func(w *Watcher) {
		w.hooks.kind = func(string) string { return "9p" }
	})
	r.watching()
	if s := r.State(); s.State != "watching" || !strings.Contains(s.Reason, "polling is off") {
		t.Errorf("got %q %q, want watching and a reason that says polling is off", s.State, s.Reason)
	}
}

func TestWatcher_eventsComeBackWhenTheLimitIsRaised(t *testing.T) {
	limited := make(chan bool, 1)
	limited <- true
	r := start(t, "", api.FolderOptions{}, func(w *Watcher) {
		w.intervals.poll = 50 * time.Millisecond
		w.hooks.add = func(w *fsnotify.Watcher, dir string) error {
			select {
			case <-limited:
				return syscall.ENOSPC
			default:
				return w.Add(dir)
			}
		}
	})
	r.watching()
	r.until("it watches", func() bool { return r.State().State == "watching" })
}

func TestExplain_saysWhy(t *testing.T) {
	r := start(t, "", api.FolderOptions{Recursive: true, Exclude: []string{"drafts/**"}, Settle: "1h"}, nil)
	r.write("new.mp3", "audio")
	r.write("empty.mp3", "")
	r.write("notes.txt", "text")
	r.until("it is tracked", func() bool { return r.State().Counts["settling"] == 1 })
	tests := map[string]string{
		"new.mp3":       "settling: first seen 0 s ago; complete in 59 min if it stays as it is",
		"empty.mp3":     "ignored: it is empty; it is looked at again when something is written to it",
		"notes.txt":     "ignored: a transcript or a note, not audio",
		"gone.mp3":      "missing: there is no such file",
		".hidden.mp3":   "ignored: hidden",
		"drafts/a.mp3":  "ignored: excluded by the pattern drafts/**",
		"talk.mp3.part": "ignored: an unfinished download (.part)",
	}
	for path, want := range tests {
		for _, p := range []string{path, filepath.Join(r.dir, path)} {
			if got := r.explain(p); got != want {
				t.Errorf("%s: got %q, want %q", p, got, want)
			}
		}
	}
	r.write("new.mp3", "more audio")
	r.until("growth is told", func() bool { return strings.HasPrefix(r.explain("new.mp3"), "settling: size grew 0 s ago; ") })
	if _, err := r.Explain(t.Context(), "../other.mp3"); err == nil {
		t.Error("got no error for a path outside the folder")
	}
}
