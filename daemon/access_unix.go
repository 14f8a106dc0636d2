//go:build linux || darwin

package daemon

import "golang.org/x/sys/unix"

// mayWrite returns why nothing can be made in dir, by the word of the system
// and without trying: nothing of ours is to appear in a folder that is watched.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
