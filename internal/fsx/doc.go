// Package fsx holds what the program needs of file systems beyond package os:
// files that are written whole or not at all, names that survive a power cut,
// folders that only this user can enter, locks between processes, and the
// reading of errors that a disk gives.
//
// It hides which system calls that takes on each platform, and the library
// that replaces files atomically.
package fsx
