//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// detach gives the daemon a session of its own, so that the end of this
// terminal does not end it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// canTell is whether alive knows.
const canTell = true

// alive reports whether a process runs; one of another user counts, one that
// has ended and only waits for its parent does not.
func alive(pid int) bool {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	return !inState(pid, 'Z')
}

// halted reports whether a process is stopped, by a signal or a debugger, and does
// nothing until it is told to go on. Where that cannot be told it is not.
func halted(pid int) bool { return inState(pid, 'T') || inState(pid, 't') }

// goOn has a process that is halted go on.
func goOn(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }

// inState reports whether Linux gives the process that state.
func inState(pid int, state byte) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // no such file system here
	}
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && bytes.HasPrefix(stat[i:], []byte{')', ' ', state})
}
