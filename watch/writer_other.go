//go:build !linux

package watch

import "os"

// hasWriter cannot tell here: settling decides alone.
func hasWriter(*os.File) (writer, known bool) { return false, false }
