package main

import (
	"fmt"
	"os"
	"syscall"
)

// inJournal reports whether f leads to systemd's journal: systemd says in
// JOURNAL_STREAM which device and inode that is, and a redirection makes it
// another.
func inJournal(f *os.File) bool {
	said := os.Getenv("JOURNAL_STREAM")
	if said == "" {
		return false
	}
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && said == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
