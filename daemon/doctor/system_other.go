//go:build !linux

package doctor

import "time"

// volatile knows no file systems here.
func volatile(string) string { return "" }

var processStart = time.Now()

// steadyTime is the time since the start of the process.
func steadyTime() time.Duration { return time.Since(processStart) }

// unsynchronized cannot be told here.
func unsynchronized() bool { return false }

// inotify is Linux's.
type inotify struct{ watches, instances, maxWatches, maxInstances int }

func inotifyUse() (inotify, bool) { return inotify{}, false }
