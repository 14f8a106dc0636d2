package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// diskRecorder watches every system call of a process and writes down, in
// order, what it does to some files: as much of it as a disk would have to
// remember.
type diskRecorder struct {
	roots []string     // paths that begin with one of these are recorded
	clock atomic.Int64 // grows with every beginning and every end of a call
	ops   []*diskOp
	err   error         // the first call that the recorder does not understand
	ended chan struct{} // closed once the process is gone

	pid     int
	memory  *os.File
	fds     map[int]string  // open files and folders of those that are recorded
	pending map[int]*diskOp // thread → the call it is in
	inside  map[int]bool    // threads that are in a call
}

// Kinds of a diskOp.
const (
	opOpen     = "open"     // of a file that is there
	opCreate   = "create"   // of a file, or opening one that is there
	opNameless = "nameless" // making a file without a name
	opWrite    = "write"
	opSize     = "truncate"
	opSync     = "sync" // of a file or a folder
	opLink     = "link"
	opRename   = "rename"
	opRemove   = "remove"
	opFolder   = "mkdir"
)

// diskOp is one call that changes a file, or makes it durable.
type diskOp struct {
	kind         string
	path, target string // target: of a rename or a link
	offset, size int64  // offset: -1 where the last write ended
	data         []byte
	began, ended int64 // by the clock; ended is 0 for a call that did not return
	failed       bool
	empties      bool // an opening that truncates the file
}

// recordDisk starts cmd and records what it does to the files whose paths begin
// with one of roots.
func recordDisk(t testing.TB, cmd *exec.Cmd, roots ...string) *diskRecorder {
	t.Helper()
	r := &diskRecorder{roots: roots, ended: make(chan struct{}), fds: map[int]string{}, pending: map[int]*diskOp{}, inside: map[int]bool{}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	started := make(chan error)
	go func() {
		defer close(r.ended)
		runtime.LockOSThread() // the tracer is a thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			r.pid = cmd.Process.Pid
			err = r.attach()
		}
		started <- err
		if err == nil {
			r.follow()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("record %s: %v", cmd, err)
	}
	t.Cleanup(r.kill)
	return r
}

// kill ends the process, and returns once it is gone.
func (r *diskRecorder) kill() {
	_ = syscall.Kill(r.pid, syscall.SIGKILL) // gone already is as good
	<-r.ended
}

// now is the time by the recorder's clock: what the process did before whatever
// the caller has just learned from it has happened by then.
func (r *diskRecorder) now() int64 { return r.clock.Load() }

func (r *diskRecorder) attach() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.pid, &status, 0, nil); err != nil {
		return fmt.Errorf("wait for its start: %w", err)
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(r.pid, options); err != nil {
		return fmt.Errorf("set the options of a trace: %w", err)
	}
	var err error
	if r.memory, err = os.Open(fmt.Sprintf("/proc/%d/mem", r.pid)); err != nil {
		return err
	}
	return syscall.PtraceSyscall(r.pid, 0)
}

// follow handles the stops of every thread until the last is gone.
func (r *diskRecorder) follow() {
	defer r.memory.Close()
	for {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-r.pid, &status, unix.WALL, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return // no thread is left
		}
		if !status.Stopped() {
			continue
		}
		signal := status.StopSignal()
		switch {
		case signal == syscall.SIGTRAP|0x80:
			r.call(tid)
			signal = 0
		case signal == syscall.SIGTRAP, signal == syscall.SIGSTOP: // a new thread, on either side
			signal = 0
		}
		_ = syscall.PtraceSyscall(tid, int(signal)) // it fails where the thread was killed
	}
}

// call handles the beginning or the end of a system call.
func (r *diskRecorder) call(tid int) {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &regs); err != nil {
		return // killed
	}
	if !r.inside[tid] {
		r.inside[tid] = true
		if op := r.begin(&regs); op != nil {
			op.began = r.clock.Add(1)
			r.pending[tid] = op
			r.ops = append(r.ops, op)
		}
		return
	}
	delete(r.inside, tid)
	op := r.pending[tid]
	if op == nil {
		return
	}
	delete(r.pending, tid)
	result := int64(regs.Rax)
	op.failed = result < 0
	switch {
	case op.failed:
	case op.kind == opCreate, op.kind == opOpen, op.kind == opNameless:
		r.fds[int(result)] = op.path
	case op.kind == opWrite:
		op.data = op.data[:result]
	}
	op.ended = r.clock.Add(1)
}

// begin returns what a call is about to do, nil where that is nothing to the
// files of the folder.
func (r *diskRecorder) begin(regs *syscall.PtraceRegs) *diskOp {
	fd := int(int32(regs.Rdi))
	path, ours := r.fds[fd]
	switch regs.Orig_rax {
	case unix.SYS_OPENAT:
		if path := r.path(fd, regs.Rsi); r.below(path) {
			op := &diskOp{kind: opCreate, path: path}
			switch {
			case regs.Rdx&unix.O_TMPFILE == unix.O_TMPFILE:
				op.kind, op.path = opNameless, fmt.Sprintf("%s#%d", path, len(r.ops))
			case regs.Rdx&unix.O_CREAT == 0:
				op.kind = opOpen
			}
			if regs.Rdx&unix.O_APPEND != 0 {
				r.unknown("a file that is appended to: "+path, regs)
			}
			op.empties = regs.Rdx&unix.O_TRUNC != 0
			return op
		}
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		from, to := r.path(fd, regs.Rsi), r.path(int(int32(regs.Rdx)), regs.R10)
		if r.below(from) || r.below(to) {
			return &diskOp{kind: opRename, path: from, target: to}
		}
	case unix.SYS_LINKAT:
		from, to := r.path(fd, regs.Rsi), r.path(int(int32(regs.Rdx)), regs.R10)
		if open, err := strconv.Atoi(strings.TrimPrefix(from, "/proc/self/fd/")); err == nil {
			from = r.fds[open]
		}
		if r.below(from) || r.below(to) {
			return &diskOp{kind: opLink, path: from, target: to}
		}
	case unix.SYS_UNLINKAT:
		if path := r.path(fd, regs.Rsi); r.below(path) {
			return &diskOp{kind: opRemove, path: path}
		}
	case unix.SYS_MKDIRAT:
		if path := r.path(fd, regs.Rsi); r.below(path) {
			return &diskOp{kind: opFolder, path: path}
		}
	}
	if !ours {
		return nil
	}
	switch regs.Orig_rax {
	case unix.SYS_CLOSE:
		delete(r.fds, fd)
	case unix.SYS_PWRITE64:
		return &diskOp{kind: opWrite, path: path, offset: int64(regs.R10), data: r.read(regs.Rsi, regs.Rdx)}
	case unix.SYS_WRITE:
		return &diskOp{kind: opWrite, path: path, offset: -1, data: r.read(regs.Rsi, regs.Rdx)}
	case unix.SYS_FTRUNCATE:
		return &diskOp{kind: opSize, path: path, size: int64(regs.Rsi)}
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return &diskOp{kind: opSync, path: path}
	case unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2, unix.SYS_FALLOCATE, unix.SYS_COPY_FILE_RANGE,
		unix.SYS_SENDFILE, unix.SYS_SPLICE, unix.SYS_DUP, unix.SYS_DUP2, unix.SYS_DUP3:
		r.unknown("a call on "+path, regs)
	}
	return nil
}

// unknown remembers that something happened which the record does not hold.
func (r *diskRecorder) unknown(what string, regs *syscall.PtraceRegs) {
	if r.err == nil {
		r.err = fmt.Errorf("the recorder does not know what to make of %s (call %d)", what, regs.Orig_rax)
	}
}

// below reports whether the file at path is recorded.
func (r *diskRecorder) below(path string) bool {
	return slices.ContainsFunc(r.roots, func(root string) bool { return strings.HasPrefix(path, root) })
}

// path is the absolute path that a call names.
func (r *diskRecorder) path(fd int, address uint64) string {
	name := r.read(address, 4096)
	name, _, _ = bytes.Cut(name, []byte{0})
	path := string(name)
	if !filepath.IsAbs(path) {
		return filepath.Join(r.fds[fd], path) // of no folder of ours: not below it
	}
	return filepath.Clean(path)
}

// read is the memory of the process at address: size bytes, or those up to the
// end of what is mapped there.
func (r *diskRecorder) read(address, size uint64) []byte {
	b := make([]byte, size)
	n, err := r.memory.ReadAt(b, int64(address))
	if err != nil && n == 0 && r.err == nil {
		r.err = fmt.Errorf("read the memory of the process: %w", err)
	}
	return b[:n]
}
