//go:build !linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// coreSet is a set of cores; only Linux can bind a thread to one.
type coreSet struct{}

// dieWithParent does nothing here: a child sees the end of its input.
func dieWithParent(*exec.Cmd) {}

// pinThread does nothing here.
func pinThread(int) error { return nil }

// unpinThread does nothing here.
func unpinThread(coreSet) error { return nil }

// allCores is every core.
func allCores() coreSet { return coreSet{} }

// takeStdout returns a file for what goes to stdout, and points stdout itself
// at stderr: a native library that prints must not garble the protocol.
func takeStdout() (*os.File, error) {
	fd, err := syscall.Dup(1)
	if err != nil {
		return nil, fmt.Errorf("take stdout: %w", err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.Dup2(2, 1); err != nil {
		return nil, fmt.Errorf("point stdout at stderr: %w", err)
	}
	return os.NewFile(uintptr(fd), "protocol"), nil
}

// threadSeconds is not known here.
func threadSeconds() float64 { return 0 }

// peakMemory is the most memory this process has had, in bytes.
func peakMemory() int64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return int64(r.Maxrss)
}

// processSeconds is not known here.
func processSeconds(int) (float64, bool) { return 0, false }
