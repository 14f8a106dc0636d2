package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// privateDir makes a folder that only we can enter. One that exists must be
// ours. If others can look into it, it is closed to them when its name says
// that it is voxparse's own; another folder is never changed behind its
// owner's back, and refused when strict or when others can write to it.
func privateDir(dir string, strict bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	uid, known := ownerOf(st)
	ours := !known || uid == os.Geteuid()
	perm := st.Mode().Perm()
	switch {
	case ours && perm&0o077 == 0:
		return nil
	case ours && strings.HasPrefix(filepath.Base(dir), "voxparse"):
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("make %s private: %w", dir, err)
		}
		return nil
	case strict && !ours:
		return api.Errorf(api.Invalid, "%s belongs to another user (uid %d); name another folder", dir, uid)
	case strict:
		return api.Errorf(api.Invalid, "other users can enter %s (%#o); run: chmod 700 %s", dir, perm, dir)
	case perm&0o022 != 0 && st.Mode()&os.ModeSticky == 0:
		return api.Errorf(api.Invalid, "other users can write to %s (%#o), and so take the socket's place; name a folder of your own", dir, perm)
	}
	return nil
}
