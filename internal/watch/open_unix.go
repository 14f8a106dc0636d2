//go:build unix && !linux

package watch

import "syscall"

// nonBlock keeps an open from waiting, should a pipe have taken the file's name.
const nonBlock = syscall.O_NONBLOCK
