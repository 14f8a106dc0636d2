//go:build !linux

package store

// RefuseNetwork accepts any folder: the file system's kind is only known on
// Linux.
func RefuseNetwork(string) error { return nil }

// probeLock leaves it to the database's own lock.
func probeLock(string) error { return nil }
