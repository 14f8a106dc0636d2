package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent has the kernel kill cmd when this process ends. The thread
// that starts cmd must stay alive as long as cmd is to.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// coreSet is a set of cores.
type coreSet = unix.CPUSet

// pinThread binds the calling goroutine's thread to core. The goroutine must
// hold the thread.
func pinThread(core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bind a thread to core %d: %w", core, err)
	}
	return nil
}

// unpinThread lets the calling goroutine's thread run on every core in all.
func unpinThread(all coreSet) error {
	if err := unix.SchedSetaffinity(0, &all); err != nil {
		return fmt.Errorf("free a thread from its core: %w", err)
	}
	return nil
}

// allCores is the set that this process may run on.
func allCores() coreSet {
	var set coreSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		for i := range runtime.NumCPU() {
			set.Set(i)
		}
	}
	return set
}

// takeStdout returns a file for what goes to stdout, and points stdout itself
// at stderr: a native library that prints must not garble the protocol.
func takeStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("take stdout: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return nil, fmt.Errorf("point stdout at stderr: %w", err)
	}
	return os.NewFile(uintptr(fd), "protocol"), nil
}

// threadSeconds is the processor time of the calling thread.
func threadSeconds() float64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return float64(ts.Nano()) / 1e9
}

// peakMemory is the most memory this process has had, in bytes.
func peakMemory() int64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return r.Maxrss * 1024
}

// processSeconds is the processor time of a process; false where it is not
// known.
func processSeconds(pid int) (float64, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, false
	}
	user, uerr := strconv.ParseFloat(fields[11], 64)
	system, serr := strconv.ParseFloat(fields[12], 64)
	const ticks = 100 // a second, on every Linux
	return (user + system) / ticks, uerr == nil && serr == nil
}
