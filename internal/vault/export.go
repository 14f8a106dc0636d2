package vault

import (
	"fmt"
	"path/filepath"

	"github.com/voxparse/voxparse/internal/fsx"
)

// Export returns the master keys, for a backup that seals them.
func (v *Vault) Export() ([]byte, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.keys.encode()
}

// Import writes master keys that Export gave into the folder dir, where Open
// finds them in a file.
func Import(dir string, exported []byte) error {
	if _, err := decodeKeys(exported); err != nil {
		return fmt.Errorf("the master key of the backup: %w", err)
	}
	return fsx.WriteFile(filepath.Join(dir, keyFile), exported, 0o600)
}

// Files are the names, in a data folder, of what says where the master key is.
func Files() []string { return []string{keyFile, ringFile} }
