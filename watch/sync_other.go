//go:build !unix

package watch

import "os"

// syncDir has nothing to do here: a directory cannot be flushed.
func syncDir(*os.Root, string) error { return nil }
