//go:build !linux

package store

import "os"

// dropPages does nothing: only Linux takes such advice.
func dropPages(*os.File) {}
