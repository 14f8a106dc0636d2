// Package datalock says which process has a data folder, and lets one daemon at
// a time have it. It hides the lock file, and how a number in it is known to be
// that of the process that holds the lock, and not of a later one.
package datalock
