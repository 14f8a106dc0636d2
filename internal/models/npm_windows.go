package models

import (
	"os/exec"
	"strconv"
)

// endTogether has the end of cmd's context end what cmd has started too.
func endTogether(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		return exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
	}
}
