//go:build !linux

package daemon_test

import "testing"

// freshGround is a folder like shortDir's.
func freshGround(t testing.TB) string { return shortDir(t) }
