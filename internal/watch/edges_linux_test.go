package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/voxparse/voxparse/api"
)

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv("WATCH_TEST_CHILD")]; ok {
		if err := child(os.Getenv("WATCH_TEST_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// children are what this test program does as another user, or in a namespace
// of its own.
var children = map[string]func(dir string) error{
	"unreadable": childUnreadable,
	"limited":    childLimited,
}

// runChild runs one of children, with attributes of its own.
func runChild(t *testing.T, name, dir string, attr *syscall.SysProcAttr) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), "WATCH_TEST_CHILD="+name, "WATCH_TEST_DIR="+dir)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("run %s: %v", name, err)
	}
}

// childWatch runs a Watcher without a *testing.T until do returns.
func childWatch(dir string, do func(w *Watcher, l *ledger) error) error {
	l := newLedger()
	rules, err := ParseRules(api.FolderOptions{Recursive: true, Settle: "100ms"})
	if err != nil {
		return err
	}
	w, err := New(Options{Place: Place{Dir: dir}, Rules: rules, Known: l.known, Ready: l.ready})
	if err != nil {
		return err
	}
	w.intervals.presence, w.intervals.poll = 50*time.Millisecond, 100*time.Millisecond
	ctx, cancel := contextWithTimeout(30 * time.Second)
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	err = do(w, l)
	cancel()
	<-done
	return err
}

// childUntil is eventually for a child.
func childUntil(what string, holds func() bool) error {
	for end := time.Now().Add(15 * time.Second); !holds(); {
		if time.Now().After(end) {
			return errors.New("never came true: " + what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func TestWatcher_unreadableFileIsBlockedAndTriedAgain(t *testing.T) {
	dir := t.TempDir()
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		const nobody = 65534 // root reads everything
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	runChild(t, "unreadable", dir, attr)
}

func childUnreadable(dir string) error {
	file, sub := filepath.Join(dir, "talk.mp3"), filepath.Join(dir, "sub")
	err := errors.Join(os.WriteFile(file, []byte("audio"), 0o000), os.Mkdir(sub, 0o755),
		os.WriteFile(filepath.Join(sub, "deep.mp3"), []byte("deep"), 0o644), os.Chmod(sub, 0))
	if err != nil {
		return err
	}
	return childWatch(dir, func(w *Watcher, l *ledger) error {
		says := func(path, want string) error {
			return childUntil(path+" says "+want, func() bool {
				f, err := w.Explain(contextOf(), path)
				return err == nil && strings.Contains(f.Reason, want)
			})
		}
		named := func(n int) error {
			return childUntil(fmt.Sprint(n, " files are named"), func() bool { return len(l.paths()) == n })
		}
		err := errors.Join(
			says("talk.mp3", "blocked: permission denied, tried again in "),
			says("sub/deep.mp3", "blocked: its folder: permission denied"),
		)
		if n := w.State().Counts["blocked"]; n != 2 {
			err = errors.Join(err, fmt.Errorf("got %d blocked, want 2", n))
		}
		return errors.Join(err,
			os.Chmod(file, 0o644), named(1), // at once: an event tells of it
			os.Chmod(sub, 0o755), named(2),
			os.Chmod(dir, 0),
			childUntil("the folder itself is blocked", func() bool { return w.State().State == "blocked" }),
			os.Chmod(dir, 0o755),
			os.WriteFile(filepath.Join(dir, "more.mp3"), []byte("more"), 0o644), named(3),
			childShutOut(filepath.Join(dir, "outer")),
		)
	})
}

// childShutOut looks at a folder that the one around it keeps out of reach.
func childShutOut(outer string) error {
	inner := filepath.Join(outer, "inner")
	if err := errors.Join(os.MkdirAll(inner, 0o755), os.Chmod(outer, 0)); err != nil {
		return err
	}
	_, err := Place{Dir: inner}.Open()
	if want := fmt.Sprintf("chmod u+rwx %q", outer); !errors.Is(err, api.Unavailable) || !errors.Is(err, fs.ErrPermission) || !strings.HasSuffix(err.Error(), want) {
		return fmt.Errorf("got %v, want that it is unavailable for want of permission, and %s", err, want)
	}
	return os.Chmod(outer, 0o755)
}

// TestWatcher_realLimitOfWatchesMeansPolling lowers the limit where it is this
// child's own: in a user namespace.
func TestWatcher_realLimitOfWatchesMeansPolling(t *testing.T) {
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	runChild(t, "limited", t.TempDir(), attr)
}

func childLimited(dir string) error {
	const limit = "/proc/sys/user/max_inotify_watches"
	if err := os.WriteFile(limit, []byte("3"), 0); err != nil {
		return err
	}
	for i := range 10 {
		if err := os.MkdirAll(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			return err
		}
	}
	return childWatch(dir, func(w *Watcher, l *ledger) error {
		err := childUntil("it polls and says how to raise the limit", func() bool {
			s := w.State()
			return s.State == "polling" && strings.Contains(s.Reason, "sudo sysctl fs.inotify.max_user_watches=")
		})
		for i := range 10 {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprint(i), "talk.mp3"), []byte("audio"), 0o644))
		}
		err = errors.Join(err,
			childUntil("every file is named", func() bool { return len(l.paths()) == 10 }),
			os.WriteFile(limit, []byte("1000"), 0),
			childUntil("it watches again", func() bool { return w.State().State == "watching" }))
		fmt.Println("state:", w.State().State, w.State().Reason)
		return err
	})
}

func TestHasWriter_afterARename(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	outside := filepath.Join(t.TempDir(), "talk.tmp")
	f, err := os.Create(outside)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("first half, "); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(outside, filepath.Join(r.dir, "talk.mp3")); err != nil {
		t.Fatal(err)
	}
	r.until("the writer is noticed", func() bool {
		r.Watcher.mu.Lock()
		defer r.Watcher.mu.Unlock()
		f := r.track.files["talk.mp3"]
		return f != nil && f.wait == "a writer has it open" && f.tries > 2
	})
	if _, err := f.WriteString("second half"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(1)[0]; got.SHA256 != sum("first half, second half") {
		t.Error("got the first half named")
	}
}

func TestHasWriter_doesNotDisturbWriters(t *testing.T) {
	p := filepath.Join(t.TempDir(), "talk.mp3")
	writeFile(t, p, "audio")
	stop, asked := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				asked <- n
				return
			default:
				if f, err := os.Open(p); err == nil {
					hasWriter(f)
					f.Close()
					n++
				}
			}
		}
	}()
	for range 2000 { // each open for writing would break a lease that is held
		f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		r, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if writer, known := hasWriter(r); !writer || !known {
			t.Fatalf("got writer %v, known %v, want it noticed", writer, known)
		}
		r.Close()
		f.Close()
	}
	close(stop)
	if n := <-asked; n == 0 {
		t.Error("got no question asked meanwhile")
	}
}

func TestHasWriter_readerIsNoWriter(t *testing.T) {
	p := filepath.Join(t.TempDir(), "talk.mp3")
	writeFile(t, p, "audio")
	for range 2 {
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if writer, known := hasWriter(f); writer || !known {
			t.Errorf("got writer %v, known %v, want none", writer, known)
		}
	}
}

func TestWatcher_waitsForTheWriterOfAPreallocatedFile(t *testing.T) {
	r := start(t, "", api.FolderOptions{}, nil)
	r.watching()
	f, err := os.Create(filepath.Join(r.dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	r.until("the writer is noticed", func() bool {
		return strings.HasSuffix(r.explain("call.wav"), "; a writer has it open")
	})
	if _, err := f.WriteAt([]byte("end"), 1<<20-3); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(1)[0]; got.SHA256 != sum(strings.Repeat("\x00", 1<<20-3)+"end") {
		t.Error("got it named before its end was written")
	}
}

func TestWatcher_unpluggedVolumeIsOffline(t *testing.T) {
	base := t.TempDir()
	volume, drop := filepath.Join(base, "volume"), filepath.Join(base, "drop")
	for _, d := range []string{volume, drop} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mountTmpfs(t, volume) // what keeps the files while drop is unmounted
	plug := func() {
		t.Helper()
		if err := syscall.Mount(volume, drop, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
	unplug := func() {
		t.Helper()
		r := func() error { return syscall.Unmount(drop, 0) }
		eventually(t, "it can be unmounted", func() bool { return r() == nil })
	}
	t.Cleanup(func() { _ = syscall.Unmount(drop, syscall.MNT_DETACH) }) // where the test failed

	plug()
	l := newLedger()
	r := startWith(t, drop, api.FolderOptions{}, l, nil)
	r.write("talk.mp3", "audio")
	r.wait(1)
	r.quiet()
	unplug() // while it is watched
	writeFile(t, filepath.Join(drop, "below.mp3"), "not on the volume")
	r.until("it is offline", func() bool { return r.State().State == "offline" })
	if got := r.State().Reason; !strings.Contains(got, "not mounted") {
		t.Errorf("got reason %q, want that the volume is not mounted", got)
	}
	if _, err := (&Finisher{Place: Place{Dir: drop, Identity: l.identity}}).Write(t.Context(), "talk.mp3", transcript, nil, nil); !errors.Is(err, api.Unavailable) {
		t.Errorf("write while it is unplugged: got %v, want api.Unavailable", err)
	}
	r.stop()
	r = startWith(t, drop, api.FolderOptions{}, l, nil) // a restart while it is unplugged
	r.until("it is still offline", func() bool { return r.State().State == "offline" })
	writeFile(t, filepath.Join(volume, "new.mp3"), "new")
	plug()
	r.wait(2)
	r.quiet()
	if got, want := r.paths(), []string{"new.mp3", "talk.mp3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	r.stop()
	unplug()
}

func TestFinisher_fullVolumeWaitsForSpace(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "texts")
	if err := os.Mkdir(d.out, 0o755); err != nil {
		t.Fatal(err)
	}
	mountTmpfs(t, d.out)
	ballast := filepath.Join(d.out, "ballast")
	full := os.WriteFile(ballast, make([]byte, 2<<20), 0o644)
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatalf("fill the volume: got %v, want ENOSPC", full)
	}
	_, err := d.finisher().Write(t.Context(), "calls/talk.mp3", transcript, nil, d.record)
	if !errors.Is(err, api.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want api.Unavailable and ENOSPC", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	d.write("calls/talk.mp3", transcript, d.ours)
	var names []string
	err = filepath.WalkDir(d.out, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, e.Name())
		}
		return err
	})
	if want := []string{"talk.srt", "talk.txt"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q (%v), want %q and nothing half made", names, err, want)
	}
}

func TestFinisher_readOnlyFolderPutsErrorFilesIntoOut(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "texts")
	in := d.intent(Leave, "")
	in.Error = []byte("{}")
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	if err := syscall.Mount(d.dir, d.dir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, 0); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mount("", d.dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if got, want := d.finish(in).ErrorFile.Path, filepath.Join(d.out, "calls/talk.mp3.error.json"); got != want {
		t.Errorf("got the error file at %q, want %q", got, want)
	}
	in.Error, in.Action, in.To = nil, Move, "done/calls/talk.mp3"
	if _, err := d.finisher().Finish(t.Context(), in); !errors.Is(err, api.Unavailable) {
		t.Errorf("move: got %v, want api.Unavailable", err)
	}
}
