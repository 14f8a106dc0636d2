//go:build unix

package fsx

import (
	"io/fs"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// canSyncDirs tells whether a folder can be synced here.
const canSyncDirs = true

// newPending makes a hidden file beside path that is to take its name.
func newPending(path string, perm fs.FileMode) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(perm))
}
