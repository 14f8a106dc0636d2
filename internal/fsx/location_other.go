//go:build !linux

package fsx

// otherPaths has nothing to give here: there are no bind mounts, and a folder
// that has two paths has one identity at each level of both.
func otherPaths(string) []string { return nil }

// isKernel is false: no such file systems are mounted here.
func isKernel(string) bool { return false }
