//go:build linux || darwin

package fsx

import "golang.org/x/sys/unix"

// MayWrite returns why nothing can be made in dir, by the word of the system
// and without trying: nothing of ours is to appear in a folder that is watched.
func MayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
