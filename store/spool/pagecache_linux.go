package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropPages tells the system that what is in f, which is durable, will not be
// read soon: audio that waits does not crowd other data out of the memory, and
// the next audio takes the same pages, which are cheaper than fresh ones.
func dropPages(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice; nothing depends on it
}
