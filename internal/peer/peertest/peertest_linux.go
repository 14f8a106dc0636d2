package peertest

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Nobody is the number of the other user.
const Nobody = 65534

// NeedRoot skips the test unless it can act as another user.
func NeedRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("only root can act for another user")
	}
}

// AsNobody runs do on a thread whose effective user is Nobody, and which ends
// with it.
func AsNobody(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is of no more use
		const keep = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, Nobody, keep); errno != 0 {
			done <- fmt.Errorf("become nobody: %w", errno)
			return
		}
		done <- do()
	}()
	return <-done
}
