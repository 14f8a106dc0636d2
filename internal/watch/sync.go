package watch

import (
	"os"
	"path"

	"github.com/voxparse/voxparse/internal/fsx"
)

// syncDir makes the entry of p in its directory durable.
func syncDir(root *os.Root, p string) error {
	if err := fsx.SyncDirIn(root, path.Dir(p)); err != nil {
		return trouble("write the folder", path.Dir(p), err)
	}
	return nil
}
