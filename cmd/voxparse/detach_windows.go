package main

import (
	"os/exec"
	"syscall"
)

// detach gives the daemon a process group without a console, so that the end
// of this one does not end it.
func detach(cmd *exec.Cmd) {
	const detachedProcess = 0x00000008
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}

// canTell is whether alive knows.
const canTell = false

// alive reports whether a process runs. Windows keeps no cheap answer, so every
// process counts as running.
func alive(int) bool { return true }

// halted reports whether a process is stopped, which nobody can tell here.
func halted(int) bool { return false }

// goOn is never called: see halted.
func goOn(int) error { return nil }
