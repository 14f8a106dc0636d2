//go:build !linux

package watch

import "os"

// hasWriter cannot tell here: the settle time decides alone.
func hasWriter(*os.File) (writer, known bool) { return false, false }
