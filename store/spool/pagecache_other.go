//go:build !linux

package spool

import "os"

// dropPages does nothing: only Linux takes such advice.
func dropPages(*os.File) {}
