//go:build !linux

package engine

import "os/exec"

// own does nothing here: a worker sees the end of its input.
func own(*exec.Cmd) {}

// killGroup kills cmd; its decoder sees the end of its input.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		cmd.Process.Kill() // an error means that it has ended
	}
}

// coresOf numbers n cores.
func coresOf(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// memoryOf is not known here.
func memoryOf(int) int64 { return 0 }
