package boltstore

import (
	"errors"
	"os"
	"syscall"
)

// probeLock returns ErrLocked when another process has the database open.
func probeLock(path string) error {
	release, err := flock(path, syscall.LOCK_EX)
	if err == nil {
		release()
	}
	return err
}

// shareLock keeps the database from being changed until release is called. The
// error is ErrLocked when a process has it open for writing.
func shareLock(path string) (release func(), err error) { return flock(path, syscall.LOCK_SH) }

// ownLock keeps every other process from opening the database.
func ownLock(path string) (release func(), err error) { return flock(path, syscall.LOCK_EX) }

func flock(path string, how int) (release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}
