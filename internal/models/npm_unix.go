//go:build unix

package models

import (
	"os/exec"
	"syscall"
)

// endTogether has the end of cmd's context end what cmd has started too.
func endTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}
