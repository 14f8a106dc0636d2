//go:build !linux

package store

// refuseNetwork accepts any folder: the file system's kind is only known on
// Linux.
func refuseNetwork(string) error { return nil }

// probeLock leaves it to the database's own lock.
func probeLock(string) error { return nil }
