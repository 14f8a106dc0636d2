package engine

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// own puts cmd into a process group of its own, so that it can be killed with
// its decoder and a Ctrl-C at the terminal is not meant for it, and has the
// kernel kill it when this process ends.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills cmd and its children.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process == nil {
		return
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		return // reaped: its number may be somebody else's by now
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		cmd.Process.Kill() // an error means that it has ended
	}
}

// coresOf returns the numbers of the first n cores that this process may run
// on.
func coresOf(n int) []int {
	var set unix.CPUSet
	var out []int
	if err := unix.SchedGetaffinity(0, &set); err == nil {
		for i := 0; i < len(set)*64 && len(out) < n; i++ {
			if set.IsSet(i) {
				out = append(out, i)
			}
		}
	}
	for i := 0; len(out) < n; i++ {
		out = append(out, i)
	}
	return out
}

// memoryOf is the resident memory of process pid and its children, in bytes; 0
// when it is gone. Each thread has children of its own.
func memoryOf(pid int) int64 {
	total := residentOf(pid)
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return total
	}
	for _, path := range lists {
		list, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range bytes.Fields(list) {
			if child, err := strconv.Atoi(string(f)); err == nil {
				total += residentOf(child)
			}
		}
	}
	return total
}

// residentOf is the resident memory of process pid alone.
func residentOf(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
