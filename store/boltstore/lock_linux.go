package boltstore

import (
	"errors"
	"os"
	"syscall"
)

// probeLock returns ErrLocked when another process has the database open.
func probeLock(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return errors.Join(err, f.Close())
}
