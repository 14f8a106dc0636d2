package daemon_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
)

const againEnv = "VOXPARSE_TEST_AGAIN"

// inOwnMounts runs the rest of a test in a process that has its own table of
// mounts, so that it may mount what it likes, also without being root, and
// leaves nothing behind. It reports false in the process that is not the one.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return again(t, attr)
}

// asMereUser runs the rest of a test in a process of a user whom the system
// refuses something: root may read and write everything.
func asMereUser(t *testing.T) bool {
	t.Helper()
	const nobody = 65534
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return again(t, attr)
}

// again runs a test once more in a process with the given attributes, and
// reports whether this is that process.
func again(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(againEnv) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), againEnv+"="+t.Name())
	cmd.SysProcAttr = attr
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this system allows no such process")
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v", err)
	}
	return false
}

// disk is a small file system of a test's own.
type disk struct {
	t   *testing.T
	dir string
}

// mountDisk mounts an empty file system of some MB on dir, which it makes.
func mountDisk(t *testing.T, dir, options string) disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatalf("keep the mounts to ourselves: %v", err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "mode=0700,"+options); err != nil {
		t.Fatalf("mount on %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return disk{t, dir}
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room at all.
func (d disk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		switch _, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			d.t.Fatal(err)
		}
	}
}

func (d disk) free() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Fatal(err)
	}
}

// readOnly makes the disk refuse writes, or not. Files that are open for
// writing keep a disk from that.
func (d disk) readOnly(on bool) {
	d.t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if on {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("none", d.dir, "tmpfs", flags, ""); err != nil {
		d.t.Fatalf("make %s read-only %v: %v", d.dir, on, err)
	}
}

func TestAFullDataFolderOnlyDelays(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	home := shortDir(t)
	d := mountDisk(t, filepath.Join(home, "voxparse"), "size=16m")
	f := startIn(t, home, nil)
	r := newReceiver(t, nil)
	r.register(f, nil)
	drops := t.TempDir()
	folder := f.addFolder(drops, quick(func(o *api.FolderOptions) { o.After = "move" }))
	held := f.submit("block until the disk is full")
	<-f.fake.begun
	waiting := f.submit("accepted before the disk was full")

	d.fill()
	_, err := f.client.Submit(t.Context(), upload(audio(strings.Repeat("no room ", 1000))))
	if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("submit: got %v, want 503 and that there is no space left", err)
	}
	f.problem("no_space", d.dir)
	path := drop(t, drops, "call.mp3", "dropped while the disk is full")
	until(t, "word that the file has to wait", func() bool {
		v, err := f.client.ExplainFile(t.Context(), path)
		return err == nil && strings.Contains(v.Reason, "no space left")
	})
	close(f.fake.release) // its result cannot be recorded
	until(t, "word that the result has to wait", func() bool {
		job, err := f.client.Job(t.Context(), held)
		return err == nil && job.Status == api.Processing && strings.Contains(job.Waiting, "no space left")
	})
	if !exists(path) {
		t.Error("the source is gone, and nothing could be recorded")
	}

	d.free()
	for _, id := range []string{held, waiting} {
		if got := f.wait(id); got.Status != api.Completed || got.Attempts != 1 {
			t.Errorf("with space again: got %s after %d attempts, want completed after 1", got.Status, got.Attempts)
		}
	}
	f.counts(folder.ID, "done", 1)
	for range 3 {
		r.next()
	}
	f.submit("there is room again")
	r.next()
	f.noProblem("cannot be written to")
}

func TestAFullOutputFolderOnlyDelaysItsFolder(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	out, drops := t.TempDir(), t.TempDir()
	d := mountDisk(t, out, "size=1m")
	f := start(t, func(o *daemon.Options) { o.Config.Workers = 1 })
	folder := f.addFolder(drops, quick(func(o *api.FolderOptions) { o.Out, o.After = out, "delete" }))
	d.fill()
	for _, name := range []string{"a.mp3", "b.mp3", "c.mp3"} {
		drop(t, drops, name, "the words of "+name)
	}
	p := f.problem("no_space", out)
	if !strings.Contains(p.Message, "its files wait") {
		t.Errorf("got %q, want that the files wait", p.Message)
	}
	until(t, "the rest of the folder", func() bool { return f.FolderPaused(folder.ID) })
	until(t, "word that a file waits for it", func() bool {
		v, err := f.client.ExplainFile(t.Context(), filepath.Join(drops, "c.mp3"))
		return err == nil && strings.Contains(v.Reason, "no space left")
	})
	if job := f.wait(f.submit("another's work goes on")); job.Status != api.Completed {
		t.Errorf("got %s for a command's job, want completed", job.Status)
	}
	f.fake.mu.Lock()
	tried := len(f.fake.started)
	f.fake.mu.Unlock()
	if tried == 4 {
		t.Error("got every file transcribed for nothing, want the folder to rest")
	}
	for _, name := range []string{"a.mp3", "b.mp3", "c.mp3"} {
		if !exists(filepath.Join(drops, name)) {
			t.Errorf("%s is gone before its transcript was written", name)
		}
	}
	d.free()
	f.counts(folder.ID, "done", 3)
	f.noProblem(out)
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		if got := readText(t, filepath.Join(out, name)); !strings.Contains(got, "the words of "+name[:1]) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestADaemonStartsOnAFullDisk(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	home := shortDir(t)
	d := mountDisk(t, filepath.Join(home, "voxparse"), "size=16m")
	first := startIn(t, home, nil)
	id := first.submit("block until the daemon stops")
	<-first.fake.begun
	if err := first.shutdown(); err != nil {
		t.Fatal(err)
	}
	d.fill()
	f := startIn(t, home, nil)
	f.problem("no_space", d.dir)
	d.free()
	close(f.fake.release)
	if got := f.wait(id); got.Status != api.Completed {
		t.Errorf("with space again: got %s, want completed", got.Status)
	}
}

func TestAReadOnlyDiskOnlyDelays(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	home, out, drops := shortDir(t), t.TempDir(), t.TempDir()
	spool := mountDisk(t, filepath.Join(home, "voxparse", "spool"), "size=4m")
	outputs, sources := mountDisk(t, out, "size=1m"), mountDisk(t, drops, "size=1m")
	f := startIn(t, home, nil)
	folder := f.addFolder(drops, quick(func(o *api.FolderOptions) { o.Out, o.After = out, "move" }))

	spool.readOnly(true)
	if _, err := f.client.Submit(t.Context(), upload(audio("x"))); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("submit: got %v, want 503 and that the disk is read-only", err)
	}
	f.problem("read_only", spool.dir)
	spool.readOnly(false)
	if got := f.wait(f.submit("it can be written again")); got.Status != api.Completed {
		t.Errorf("with a spool again: got %s, want completed", got.Status)
	}

	outputs.readOnly(true)
	path := drop(t, drops, "call.mp3", "the words")
	f.problem("read_only", out)
	sources.readOnly(true)
	outputs.readOnly(false)
	f.counts(folder.ID, "done", 1)
	f.problem("read_only", "wait to be moved")
	if !exists(path) || exists(filepath.Join(drops, "done")) {
		t.Error("got the source moved on a read-only disk")
	}
	sources.readOnly(false)
	until(t, "the move", func() bool { return exists(filepath.Join(drops, "done/call.mp3")) && !exists(path) })
	f.noProblem(drops)
	if got := readText(t, filepath.Join(out, "call.txt")); !strings.Contains(got, "the words") {
		t.Errorf("got transcript %q", got)
	}
}

func TestLostPermissionOnlyDelays(t *testing.T) {
	if !asMereUser(t) {
		return
	}
	out, drops := t.TempDir(), t.TempDir()
	f := start(t, func(o *daemon.Options) { o.Config.Workers = 1 })
	folder := f.addFolder(drops, quick(func(o *api.FolderOptions) { o.Out = out }))
	spool := filepath.Join(f.config.DataDir, "spool")
	mode := func(dir string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	held := f.submit("block the only slot")
	<-f.fake.begun
	waiting := f.submit("its audio cannot be read")
	mode(spool, 0)
	if _, err := f.client.Submit(t.Context(), upload(audio("x"))); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("submit: got %v, want 503 and that permission is denied", err)
	}
	f.problem("no_permission", spool)
	close(f.fake.release)
	if got := f.wait(held); got.Status != api.Completed {
		t.Errorf("got %s for what was read before, want completed", got.Status)
	}
	until(t, "word that the job has to wait", func() bool {
		job, err := f.client.Job(t.Context(), waiting)
		return err == nil && job.Status == api.Queued && strings.Contains(job.Waiting, "permission denied")
	})
	mode(spool, 0o700)
	f.noProblem(spool)

	mode(out, 0o500)
	drop(t, drops, "a.mp3", "the words")
	f.problem("no_permission", out)
	mode(out, 0o700)
	f.counts(folder.ID, "done", 1)

	mode(drops, 0)
	f.problem("folder_blocked", drops)
	mode(drops, 0o700)
	drop(t, drops, "b.mp3", "more words")
	f.counts(folder.ID, "done", 2)
}
